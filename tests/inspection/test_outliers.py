from dataclasses import replace

import cv2
import numpy as np

from handful.core.dataset import Sample
from handful.inspection.findings import blur, masks, shapes, unreadable
from tests.inspection.smooth_images import measure, smooth_dataset, smooth_image


def test_other_shapes_and_sizes_are_found() -> None:
    data = smooth_dataset()
    extra = (Sample("wide", smooth_image(800)[:, :15], 0), Sample("large", smooth_image(801, 400), 1))
    found = shapes.find(measure(replace(data, samples=(*data.samples, *extra))))
    assert [(f.kind, f.ids) for f in found] == [("odd shape", ("wide",)), ("odd size", ("large",))]
    assert shapes.find(measure(data)) == ()


def test_color_modes_are_told() -> None:
    known = measure(smooth_dataset(2))
    (found,) = shapes.find(replace(known, modes=("RGB",) * 5 + ("L",)))
    assert (found.kind, found.numbers["modes"], found.ids) == ("color modes", {"RGB": 5, "L": 1}, ("emu/01.png",))


def test_a_blurred_picture_is_found() -> None:
    rng = np.random.default_rng(0)
    data = smooth_dataset()
    noise = [rng.integers(0, 256, (3, 40, 40), dtype=np.uint8) for _ in data.samples]
    noise[4] = np.asarray(cv2.GaussianBlur(noise[4].transpose(1, 2, 0), (0, 0), 3).transpose(2, 0, 1), dtype=np.uint8)
    blurred = replace(data, samples=tuple(replace(s, image=x) for s, x in zip(data.samples, noise, strict=True)))
    (found,) = blur.find(measure(blurred))
    assert found.ids == ("cat/04.png",)
    assert blur.find(measure(data)) == ()


def _disc(radius: float, x: float = 20, y: float = 20) -> np.ndarray:
    grid = np.arange(40)
    return np.asarray((grid[None] - x) ** 2 + (grid[:, None] - y) ** 2 <= radius**2)


def test_masks_of_another_shape_are_found() -> None:
    data = smooth_dataset()
    rng = np.random.default_rng(0)
    drawn = [_disc(9 + rng.random(), *(19 + 2 * rng.random(2))) for _ in data.samples]
    drawn[3] = np.zeros((40, 40), bool)
    drawn[5] = _disc(2)
    drawn[7] = np.zeros((40, 40), bool)
    drawn[7][20:22, 2:38] = True
    masked = replace(data, samples=tuple(replace(s, mask=m) for s, m in zip(data.samples, drawn, strict=True)))
    found = {f.kind: f for f in masks.find(measure(masked))}
    assert found["empty mask"].ids == ("cat/03.png",)
    assert set(found["odd mask"].ids) == {"cat/05.png", "cat/07.png"}
    assert found["odd mask"].numbers["by"] == {"cat/05.png": "area", "cat/07.png": "elongation"}


def test_masks_of_several_labels_are_compared_class_by_class() -> None:
    """Discs of class 0 on every image, long bars of class 1 on every second; one bar is a disc."""
    data = smooth_dataset()
    samples = []
    for i, sample in enumerate(data.samples):
        labels = np.zeros((40, 40), np.int16)
        labels[_disc(6, 10, 10)] = 1
        if i % 2:
            labels[_disc(6, 28, 28) if i == 9 else (slice(30, 32), slice(4, 36))] = 2
        target = np.array([1, i % 2], np.float32)
        samples.append(replace(sample, label=None, target=target, mask=labels > 0, mask_labels=labels))
    several = replace(data, samples=tuple(samples), classes=("a", "b"), kind="multilabel")
    found = {f.kind: f for f in masks.find(measure(several))}
    assert set(found["odd mask"].ids) == {data.samples[9].id}
    without = tuple(replace(s, mask_labels=None) for s in samples)
    assert "odd mask" not in {f.kind for f in masks.find(measure(replace(several, samples=without)))}


def test_a_disc_is_round_and_central_and_of_one_piece() -> None:
    row = dict(zip(masks.NAMES, masks.describe(_disc(15)), strict=True))
    assert abs(row["elongation"]) < 0.01
    assert abs(row["compactness"]) < 0.25
    assert row["pieces"] == 0
    assert row["place"] < 0.02
    assert masks.describe(np.ones((1, 1), bool)).shape == (5,)


def test_unreadable_files_are_one_error() -> None:
    known = replace(measure(smooth_dataset(2)), unreadable=(("x.png", "damaged"), ("y.png", "empty")))
    (found,) = unreadable.find(known)
    assert (found.severity, found.ids) == ("error", ("x.png", "y.png"))
    assert found.numbers["reasons"] == {"x.png": "damaged", "y.png": "empty"}
