import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Picture

from handful.core.dataset import Dataset, Image, Sample
from handful.inspection import near_duplicates
from handful.inspection.findings import duplicates, exposure
from tests.inspection.smooth_images import CLASSES, measure, smooth_dataset, smooth_image


def _jpeg(image: Image) -> Image:
    file = io.BytesIO()
    Picture.fromarray(image.transpose(1, 2, 0)).save(file, "JPEG", quality=60)
    return np.ascontiguousarray(np.asarray(Picture.open(file)).transpose(2, 0, 1))


def _smaller(image: Image) -> Image:
    return np.ascontiguousarray(cv2.resize(image.transpose(1, 2, 0), (27, 27)).transpose(2, 0, 1))


def _brighter(image: Image) -> Image:
    return np.clip(image * 0.8 + 45, 0, 255).astype(np.uint8)


def _with(image: Image, label: int = 0, split: str | None = None) -> Dataset:
    data = smooth_dataset()
    extra = Sample("extra.png", image, label, split=split)  # type: ignore[arg-type]
    return replace(data, samples=(*data.samples, extra))


@pytest.mark.parametrize("change", [_jpeg, _smaller, _brighter])
def test_a_changed_copy_is_found_and_nothing_else(change: object) -> None:
    assert callable(change)
    found = duplicates.find(measure(_with(change(smooth_image(5)))))
    assert [(f.kind, f.where) for f in found] == [("near duplicate", (("cat/05.png", "extra.png"),))]


def test_copies_are_told_apart_by_where_they_lie() -> None:
    found = duplicates.find(measure(_with(_jpeg(smooth_image(5)), label=1, split="test")))
    assert [(f.kind, f.severity) for f in found] == [
        ("near duplicate across classes", "error"),
        ("near duplicate across splits", "error"),
    ]
    (exact,) = duplicates.find(measure(_with(smooth_image(5))))
    assert (exact.kind, exact.ids) == ("duplicate", ("cat/05.png", "extra.png"))


def test_only_the_first_of_a_set_of_copies_counts() -> None:
    known = measure(_with(_jpeg(smooth_image(5))))
    assert known.copies == [(5, 36)]
    assert 36 not in known.distinct
    assert len(known.distinct) == 36


def test_pictures_that_are_all_alike_are_no_copies() -> None:
    rng = np.random.default_rng(0)
    base = smooth_image(0).astype(float)
    samples = [
        Sample(str(i), np.clip(base + 12 * (smooth_image(i + 1) / 128.0 - 1), 0, 255).astype(np.uint8), i % 2)
        for i in range(30)
    ]
    order = rng.permutation(30)
    data = Dataset(tuple(samples[i] for i in order), CLASSES[:2])
    assert measure(data).copies == []


def test_many_pictures_of_few_dimensions_are_close_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    parts = np.stack([smooth_image(i).astype(float) for i in range(6)])
    mixed = np.tensordot(rng.dirichlet(np.ones(6), size=1500), parts, axes=1).astype(np.uint8)
    samples = tuple(Sample(str(i), image, 0) for i, image in enumerate([*mixed, mixed[7]]))
    data = Dataset(samples, CLASSES)
    assert measure(data).copies == [(7, 1500)]
    monkeypatch.setattr(near_duplicates, "_chance_ratio", lambda vectors: 1.0)
    assert len(measure(data).copies) > 20


def test_copies_of_every_picture_do_not_hide_each_other() -> None:
    samples = [Sample(f"{i}-{k}", copy, 0) for i in range(40) for k, copy in enumerate(_four(smooth_image(i)))]
    assert measure(Dataset(tuple(samples), CLASSES)).copies == [tuple(range(4 * i, 4 * i + 4)) for i in range(40)]


def _four(image: Image) -> list[Image]:
    return [image, _jpeg(image), _smaller(image), _brighter(image)]


def test_features_settle_what_pixels_leave_open() -> None:
    from handful.inspection.near_duplicates import find_near_duplicates

    data = _with(smooth_image(5))
    measures = measure(data).statistics
    noisy = np.clip(
        measures.small[36].astype(float) + np.random.default_rng(0).normal(scale=33, size=(32, 32, 3)), 0, 255
    )
    small = measures.small.copy()
    small[36] = noisy.astype(np.uint8)
    changed = replace(measures, small=small, hashes=(*measures.hashes[:36], "other"))
    features = np.random.default_rng(0).normal(size=(37, 8))
    assert find_near_duplicates(changed, features) == []
    features[36] = features[5]
    assert find_near_duplicates(changed, features) in ([], [(5, 36)])


def test_blank_dark_and_washed_out_pictures_are_no_copies_of_each_other() -> None:
    data = smooth_dataset()
    blank = np.full((3, 40, 40), 7, np.uint8)
    dark = (smooth_image(900) / 12).astype(np.uint8)
    light = (225 + smooth_image(901) / 12).astype(np.uint8)
    extra = [Sample(n, x, 0) for n, x in (("b1", blank), ("b2", blank.copy()), ("d", dark), ("w", light))]
    known = measure(replace(data, samples=(*data.samples, *extra)))
    assert {f.kind: f.ids for f in exposure.find(known)} == {
        "blank": ("b1", "b2"),
        "dark": ("d",),
        "washed out": ("w",),
    }
    assert duplicates.find(known) == ()


def test_dark_pictures_of_16_bits_are_to_be_scaled(tmp_path: Path) -> None:
    data = smooth_dataset()
    Picture.fromarray(smooth_image(900)[0].astype(np.uint16) * 16).save(tmp_path / "deep.png")
    dark = (smooth_image(900) / 16).astype(np.uint8)
    known = measure(replace(data, samples=(*data.samples, Sample("deep", dark, 0))))
    read = replace(known.data, samples=(*data.samples, Sample("deep", tmp_path / "deep.png", 0)))
    (finding,) = exposure.find(replace(known, data=read))
    assert (finding.kind, finding.ids) == ("dark", ("deep",))
    assert "bit_depth=N" in (finding.remedy or "")
