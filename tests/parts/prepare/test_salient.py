"""Salient masks: a disc, at its own size; what both methods call object; doubtful ones are left out by request."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from handful.core.dataset import Dataset, Image, Sample
from handful.core.recipe import Part
from handful.data.masks.quality import iou
from handful.errors import HandfulWarning, RecipeError
from handful.models.u2netp import U2NetP
from handful.parts import registry
from handful.parts.prepare.grabcut import grabcut
from handful.parts.prepare.salient import intersect
from tests.parts.prepare.test_grabcut import scene
from tests.support import datasets
from tests.support.u2netp import needs_u2netp


def run(data: Dataset, seed: int = 0, **options: Any) -> Dataset:
    result: Dataset = registry.build("prepare", Part("salient", options), datasets.context(seed=seed))(data)
    return result


@needs_u2netp
@pytest.mark.parametrize(("options", "least"), [({}, 0.9), ({"grabcut": False}, 0.8), ({"min_agreement": 0.8}, 0.9)])
def test_a_disc_is_masked(options: dict[str, Any], least: float) -> None:
    image, disc = scene(70, 90)
    (sample,) = run(Dataset((Sample("a", image, 0),), ("a", "b")), **options).samples
    assert sample.mask is not None
    assert sample.mask.shape == (70, 90)
    assert sample.mask_source == "salient"
    assert iou(sample.mask, disc) > least


@needs_u2netp
def test_masks_per_class_and_masks_that_are_there_already() -> None:
    image, disc = scene(48, 48)
    given = Sample("given", image, 0, mask=~disc, mask_source="hand")
    data = Dataset((given, *(Sample(f"{i}", image, i // 2) for i in range(4))), ("a", "b"))
    got = run(data, per_class=1, grabcut=False)
    assert got.samples[0] is given
    assert sum(s.mask_source == "salient" for s in got.samples) == 2


def test_the_mask_is_what_both_call_object() -> None:
    image, disc = scene(64, 64)
    left = disc & (np.arange(64) < 34)
    mask, agreement = intersect(image, disc.astype(np.float32), threshold=0.5, seed=0)
    assert iou(mask, disc) > 0.9
    assert agreement > 0.9
    assert not (mask & ~grabcut(image, seed=0)).any()
    nothing, none = intersect(image, np.zeros((64, 64), dtype=np.float32), threshold=0.5, seed=0)
    assert not nothing.any()
    assert none == 0
    fewer, less = intersect(image, (0.95 * left).astype(np.float32), threshold=0.5, seed=0)
    assert (fewer & disc).sum() > 0.9 * left.sum()
    assert 0 < less <= 1


@needs_u2netp
def test_doubtful_masks_are_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    good, disc = scene(64, 64)
    odd = good[:, ::-1].copy()

    def saliency(self: U2NetP, image: Image) -> np.ndarray:
        if np.array_equal(image, good):
            return disc.astype(np.float32)
        corner = np.zeros((64, 64), dtype=np.float32)
        corner[:10, :10] = 1
        corner[30:34, 30:34] = 1
        return corner

    monkeypatch.setattr(U2NetP, "saliency", saliency)
    data = Dataset((Sample("good", good, 0), Sample("odd", odd, 1)), ("a", "b"))
    assert all(s.mask is not None for s in run(data).samples)
    with pytest.warns(HandfulWarning, match=r"salient: 1 mask was doubtful \(.*less than 0.8\) and left out: odd"):
        got = run(data, min_agreement=0.8)
    assert [s.mask_source for s in got.samples] == ["salient", None]
    targets = (np.array([1, 0], np.float32), np.array([0, 1], np.float32))
    samples = (replace(s, label=None, target=t) for s, t in zip(data.samples, targets, strict=True))
    several = Dataset(tuple(samples), data.classes, kind="multilabel")
    with pytest.warns(HandfulWarning, match="left out: odd"):
        assert run(several, min_agreement=0.8, per_class=1).kind == "multilabel"


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.05},
        {"threshold": 0.95},
        {"threshold": 1.0, "grabcut": False},
        {"min_agreement": 1.5},
        {"min_agreement": 0.5, "grabcut": False},
        {"per_class": 0},
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="prepare/salient"):
        registry.build("prepare", Part("salient", options), datasets.context())
