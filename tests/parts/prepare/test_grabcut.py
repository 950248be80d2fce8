"""GrabCut finds a disc, at its own size, the same for a seed, and leaves out what it cannot tell."""

from typing import Any

import numpy as np
import pytest

from handful.core.dataset import Dataset, Image, Mask, Sample
from handful.core.recipe import Part
from handful.data.masks.quality import iou
from handful.errors import HandfulWarning, RecipeError
from handful.parts import registry
from tests.support import datasets


def scene(h: int, w: int, seed: int = 0) -> tuple[Image, Mask]:
    """A reddish disc, a bit off the centre, on a greenish ground, both noisy."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:h, :w]
    disc = (rows - h * 0.48) ** 2 + (columns - w * 0.53) ** 2 < (min(h, w) * 0.3) ** 2
    image = np.where(disc, np.array([190, 80, 60])[:, None, None], np.array([70, 130, 90])[:, None, None])
    return np.clip(image + rng.normal(0, 15, (3, h, w)), 0, 255).astype(np.uint8), np.asarray(disc)


def run(data: Dataset, seed: int = 0, **options: Any) -> Dataset:
    result: Dataset = registry.build("prepare", Part("grabcut", options), datasets.context(seed=seed))(data)
    return result


@pytest.mark.parametrize(("h", "w"), [(32, 32), (150, 130), (160, 230)])
def test_it_finds_a_disc(h: int, w: int) -> None:
    image, disc = scene(h, w)
    (sample,) = run(Dataset((Sample("a", image, 0),), ("a", "b")), largest=200).samples
    assert sample.mask is not None
    assert sample.mask.shape == (h, w)
    assert sample.mask_source == "grabcut"
    assert iou(sample.mask, disc) > 0.9


def test_the_same_seed_gives_the_same_masks() -> None:
    data = Dataset(tuple(Sample(str(i), scene(32, 32, i)[0], 0) for i in range(3)), ("a", "b"))
    first, second = run(data, seed=3), run(data.select([2, 1, 0]), seed=3)
    for a, b in zip(first.samples, reversed(second.samples), strict=True):
        assert a.mask is not None
        assert b.mask is not None
        assert (a.mask == b.mask).all()


def test_some_per_class() -> None:
    image, _ = scene(32, 32)
    labels = (0, 0, 0, 0, 1, None, None)
    data = Dataset(tuple(Sample(f"{i}", image, k) for i, k in enumerate(labels)), ("a", "b"))
    drawn = {seed: tuple(s.id for s in run(data, seed, per_class=2).samples if s.mask is not None) for seed in range(6)}
    for ids in drawn.values():
        assert len(ids) == 3
        assert "4" in ids
        assert not {"5", "6"} & set(ids)
    assert len(set(drawn.values())) > 1
    turned = run(data.select(range(6, -1, -1)), 1, per_class=2)
    assert {s.id for s in turned.samples if s.mask is not None} == set(drawn[1])


def test_nothing_to_find() -> None:
    plain = np.full((3, 32, 32), 90, dtype=np.uint8)
    speck = np.zeros((3, 1, 1), dtype=np.uint8)
    data = Dataset((Sample("plain", plain, 0), Sample("speck", speck, 1)), ("a", "b"))
    with pytest.warns(HandfulWarning, match="grabcut: 2 masks were empty or full and left out: plain, speck"):
        got = run(data, core=0.0)
    assert [s.mask for s in got.samples] == [None, None]


@pytest.mark.parametrize(
    "options", [{"box": 1.0}, {"core": 0.95}, {"core": -0.1}, {"iterations": 0}, {"side": 600}, {"per_class": 0}]
)
def test_options_that_do_not_fit(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="prepare/grabcut"):
        registry.build("prepare", Part("grabcut", options), datasets.context())
