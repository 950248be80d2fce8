from dataclasses import replace

import numpy as np

from handful.automl.doubtful_labels import describe_doubtful, doubtful_labels, judging_seconds
from handful.automl.result import DoubtfulLabel
from handful.inspection.image_statistics import StatisticsCollector
from handful.inspection.measurements import Measurements
from tests.support.datasets import squares


def measured(*, wrong: tuple[int, ...], features: bool = True) -> Measurements:
    """Measurements of squares, of which some have the label of another class, with features that tell the classes."""
    data = squares(12)
    rng = np.random.default_rng(0)
    labels = data.labels
    vectors = np.eye(len(data.classes))[labels] * 4 + rng.normal(size=(len(data), len(data.classes))) / 4
    samples = [
        replace(s, label=(int(labels[i]) + 1) % len(data.classes)) if i in wrong else s
        for i, s in enumerate(data.samples)
    ]
    statistics = StatisticsCollector()
    for sample in samples:
        assert isinstance(sample.image, np.ndarray)
        statistics.add(sample.image)
    return Measurements(
        replace(data, samples=tuple(samples)),
        statistics.result(),
        features=vectors.astype(np.float32) if features else None,
    )


def test_wrong_labels_are_named_with_the_class_that_they_look_like() -> None:
    measurements = measured(wrong=(3,))
    message, doubtful = doubtful_labels(measurements)
    sample = measurements.data.samples[3]
    assert [d.image for d in doubtful] == [sample.id]
    assert sample.label is not None
    assert doubtful[0].label == measurements.data.classes[sample.label]
    assert doubtful[0].looks_like == squares(12).classes[squares(12).labels[3]]
    assert (
        message == "1 image looks like another class to models that did not see them (they are right in 97 % of images)"
    )


def test_right_labels_are_not_named() -> None:
    assert doubtful_labels(measured(wrong=())) == ("", ())


def test_images_without_features_are_not_judged_and_take_no_time() -> None:
    assert judging_seconds(measured(wrong=(3,), features=False)) == 0
    assert doubtful_labels(measured(wrong=(3,), features=False)) == ("", ())
    assert judging_seconds(measured(wrong=(3,))) > 0


def test_the_surest_are_named_and_the_command_that_shows_all() -> None:
    doubtful = [DoubtfulLabel(f"{i}.png", "cat", "dog", 0.01 * i) for i in range(5)]
    assert describe_doubtful("5 images look like another class", doubtful, "handful inspect pets") == (
        "Labels to check: 5 images look like another class: 0.png (cat, looks like dog); 1.png (cat, looks like dog); "
        "2.png (cat, looks like dog); and 2 more. To see them: handful inspect pets."
    )
    assert describe_doubtful("", [], "handful inspect pets") == ""
