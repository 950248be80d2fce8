from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from handful.automl.related import TiedData, tie_related
from handful.core.dataset import Dataset, Sample
from handful.inspection.measurements import measure_images


def photos(n: int = 8, *, seed: int = 0) -> Dataset:
    """Noise that is smooth enough to be told apart after scaling down."""
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(n):
        small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        image = np.asarray(small.resize((48, 48), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
        samples.append(Sample(f"{'ab'[i % 2]}/{i}x.png", np.ascontiguousarray(image), label=i % 2))
    return Dataset(tuple(samples), ("a", "b"))


def with_copies(data: Dataset, **changes: object) -> Dataset:
    """The data, and a copy of the first image under another name."""
    copy = replace(data.samples[0], id="a/copy.png", **changes)  # type: ignore[arg-type]
    return replace(data, samples=(*data.samples, copy))


def tied_data(data: Dataset) -> TiedData:
    return tie_related(data, measure_images(data))


def test_copies_are_one_group_and_said() -> None:
    tied = tied_data(with_copies(photos()))
    groups = {s.id: s.group for s in tied.data.samples}
    assert groups["a/copy.png"] == groups["a/0x.png"] is not None
    assert sum(g is not None for g in groups.values()) == 2
    assert tied.notes[0].startswith("1 image is an exact copy of another, e.g. a/0x.png = a/copy.png")


def test_a_copy_in_another_class_is_said() -> None:
    text = " ".join(tied_data(with_copies(photos(), label=1)).notes)
    assert "1 exact copy is in two classes, e.g. a/0x.png = a/copy.png: one label must be wrong." in text


def test_the_same_thing_photographed_again_is_not_called_a_copy_or_wrong() -> None:
    data = photos()
    first = data.samples[0].image
    assert isinstance(first, np.ndarray)
    again = np.clip(first.astype(np.int64) + 3, 0, 255).astype(np.uint8)
    text = " ".join(tied_data(with_copies(data, image=again, label=1)).notes)
    assert "1 image is nearly the same as another, e.g. a/0x.png = a/copy.png (the same thing photographed" in text
    assert "1 pair of near copies is in two classes, e.g. a/0x.png = a/copy.png: look at them" in text
    assert "exact" not in text
    assert "must be wrong" not in text


def test_groups_of_the_data_stay_and_grow_by_copies() -> None:
    data = photos()
    samples = [replace(s, group="p1") if i in (0, 2) else s for i, s in enumerate(data.samples)]
    tied = tied_data(with_copies(replace(data, samples=tuple(samples)), group="p2"))
    groups = {s.id: s.group for s in tied.data.samples}
    assert groups["a/0x.png"] == groups["a/2x.png"] == groups["a/copy.png"] is not None


def test_training_images_with_a_copy_to_test_on_are_left_out() -> None:
    data = photos()
    samples = tuple(replace(s, split="test" if i > 5 else "train") for i, s in enumerate(data.samples))
    tied = tied_data(with_copies(replace(data, samples=samples), split="test"))
    assert "a/0x.png" not in tied.data.ids
    assert "a/copy.png" in tied.data.ids
    assert "1 image for training has a copy among the test images" in " ".join(tied.notes)


def test_files_that_cannot_be_read_are_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    data = photos()
    tied = tied_data(replace(data, samples=(*data.samples, Sample("a/bad.png", tmp_path / "bad.png", label=0))))
    assert tied.data.ids == data.ids
    assert "1 image cannot be read and is left out, e.g. a/bad.png" in tied.notes[0]
