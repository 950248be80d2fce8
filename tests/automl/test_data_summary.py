from dataclasses import replace

import numpy as np
import pytest

from handful.automl.data_summary import MOST_DOUBTS, describe_data, describe_doubts
from handful.core.dataset import Dataset
from handful.errors import DataError
from handful.inspection.measurements import measure_images
from tests.support.datasets import squares


def test_what_was_read_is_counted_by_what_is_known_of_it() -> None:
    data = squares(3)
    first, second, third, *rest = data.samples
    candidates = np.array([True, True, False])
    samples = (
        replace(first, label=None, mask=None),
        replace(second, label=None, mask=None, candidates=candidates),
        replace(third, split="test"),
        *rest,
    )
    said = describe_data(replace(data, samples=samples))
    assert said == (
        f"Found 6 images of 3 classes ({describe_counts(samples, data)} of each); 1 without a label, "
        "1 labelled with several candidates, 6 with a mask, 1 to test on."
    )


def describe_counts(samples: tuple, data: Dataset) -> str:  # type: ignore[type-arg]
    counts = replace(data, samples=samples).split(None).counts
    return f"{counts.min()} to {counts.max()}" if counts.min() < counts.max() else f"{counts.min()}"


def test_data_without_a_label_are_refused() -> None:
    with pytest.raises(DataError, match="no image has a label"):
        describe_data(squares(2).without_labels())


def test_doubts_end_with_a_remedy_and_copies_are_not_among_them() -> None:
    data = squares(4)
    small = replace(data.samples[0], image=data.samples[0].image[:, :3, :3], mask=None)  # type: ignore[index]
    copy = replace(data.samples[1], id="copy.png")
    doubts = describe_doubts(measure_images(replace(data, samples=(small, *data.samples[1:], copy))))
    assert 1 <= len(doubts) <= MOST_DOUBTS
    assert all("To do: " in doubt and doubt.endswith(".") for doubt in doubts)
    assert not any("duplicate" in doubt or "copies" in doubt for doubt in doubts)


def test_class_names_that_are_lists_of_others_are_a_doubt_with_both_ways_to_read_them() -> None:
    data = replace(squares(4), classes=("blue", "blue|red", "red"))
    (doubt, *_) = describe_doubts(measure_images(data))
    assert doubt.startswith("1 class name is a list of others: blue|red. To do: if an image may show several classes")
    assert "candidates" in doubt
