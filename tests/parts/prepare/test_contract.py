"""What every part that makes masks keeps: ids, order, labels, images; and that it does not touch what it was given."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from handful.core.context import Context
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Part, Recipe
from handful.parts import registry
from tests.parts.prepare.color_segmenter import color_segmenter
from tests.support import datasets
from tests.support.u2netp import needs_u2netp

# Options that suit the squares; every other part is tried with its defaults.
OPTIONS: Mapping[str, Mapping[str, Any]] = {"binarize": {"threshold": 0.25}, "propagate_masks": {"per_class": 1}}
NEED_WORDS = ("clean_by_text",)  # beside the images, which these have not: see its own test
PARTS = [name for name in registry.names("prepare") if registry.has_trait("prepare", Part(name), "makes_masks")]
TRIED = [pytest.param(name, marks=needs_u2netp if name == "salient" else ()) for name in PARTS]


def context() -> Context:
    def fit(recipe: Recipe, data: Dataset, seed: int) -> object:
        return color_segmenter()

    return replace(datasets.context(), fit=fit)


def data() -> Dataset:
    """Labelled images with and without a mask, and one without a label."""
    squares = datasets.squares(3)
    half = tuple(replace(s, mask=None, mask_source=None) if i % 3 == 2 else s for i, s in enumerate(squares.samples))
    new = replace(half[2], id="new.png", label=None, group="p1", split="train")
    return replace(squares, samples=(*half, new))


def frozen(sample: Sample) -> tuple[object, ...]:
    values = (getattr(sample, f.name) for f in fields(sample))
    return tuple(v.tobytes() if isinstance(v, np.ndarray) else v for v in values)


@pytest.mark.parametrize("name", TRIED)
@pytest.mark.parametrize("change", [True, False])
def test_contract(name: str, change: bool) -> None:
    given = data()
    before = [frozen(s) for s in given.samples]
    options = dict(OPTIONS.get(name, {}))
    if change and "replace" in registry.options("prepare", name):
        options["replace"] = True
    part = registry.build("prepare", Part(name, options), context())
    got = part(given)
    assert isinstance(got, Dataset)
    assert got.classes == given.classes
    assert got.ids == given.ids
    for new, old in zip(got.samples, given.samples, strict=True):
        assert new.image is old.image
        assert (new.label, new.group, new.split) == (old.label, old.group, old.split)
        assert (new.mask is None) == (new.mask_source is None)
        if new.mask is not None:
            assert new.mask.dtype == np.bool_
            assert new.mask.shape == (12, 12)
            assert 0 < new.mask.sum() < 144
    assert any(s.mask is not None for s in got.samples)
    assert [frozen(s) for s in given.samples] == before
    again = part(given)
    assert [frozen(s) for s in again.samples] == [frozen(s) for s in got.samples]


@pytest.mark.parametrize("name", sorted(set(registry.names("prepare")) - set(PARTS) - set(NEED_WORDS)))
def test_other_parts_make_no_masks(name: str) -> None:
    given = data()
    got = registry.build("prepare", Part(name), context())(given)
    assert [s.mask is None for s in got.samples] == [s.mask is None for s in given.samples]


@pytest.mark.parametrize("name", TRIED)
def test_no_samples(name: str) -> None:
    empty = replace(data(), samples=())
    assert len(registry.build("prepare", Part(name, OPTIONS.get(name, {})), context())(empty)) == 0
