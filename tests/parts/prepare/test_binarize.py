"""Binarize: the paper's rule exactly, Otsu and color on images whose object is known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from handful.core.dataset import Dataset, Image, Mask, Sample
from handful.core.recipe import Part
from handful.errors import HandfulWarning, RecipeError
from handful.parts import registry
from tests.support import datasets

H, W = 24, 30


def disc() -> Mask:
    rows, columns = np.mgrid[:H, :W]
    return np.asarray((rows - 11) ** 2 + (columns - 14) ** 2 <= 49)


def painted(front: tuple[int, int, int], back: tuple[int, int, int], noise: int = 0) -> Image:
    """A disc of one color on another, each pixel off by at most `noise`."""
    rng = np.random.default_rng(0)
    image = np.where(disc(), np.array(front)[:, None, None], np.array(back)[:, None, None])
    return np.asarray(np.clip(image + rng.integers(-noise, noise + 1, (3, H, W)), 0, 255), dtype=np.uint8)


def masks(*images: Image, **options: Any) -> list[Mask | None]:
    samples = tuple(Sample(str(i), image, i % 2) for i, image in enumerate(images))
    part = registry.build("prepare", Part("binarize", options), datasets.context())
    return [s.mask for s in part(Dataset(samples, ("a", "b"))).samples]


def same(got: Mask | None, wanted: Mask) -> bool:
    return got is not None and bool((got == wanted).all())


def test_the_default_is_every_pixel_that_is_not_black() -> None:
    grey = np.where(disc(), np.random.default_rng(1).integers(1, 256, (H, W)), 0).astype(np.uint8)
    (got,) = masks(np.stack([grey] * 3))
    assert same(got, grey > 0)
    (got,) = masks(painted((0, 0, 1), (0, 0, 0)))  # the darkest blue there is
    assert same(got, disc())


@pytest.mark.parametrize("value", [0, 64, 127, 128, 254])
def test_a_threshold_is_compared_exactly(value: int) -> None:
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8), (3, 2, 256)).copy()
    (got,) = masks(ramp, threshold=value / 255)
    assert same(got, ramp[0] > value)
    (got,) = masks(ramp, threshold=value / 255, invert=True)
    assert same(got, ramp[0] <= value)


@pytest.mark.parametrize(("front", "back"), [((200, 180, 190), (60, 70, 50)), ((60, 70, 50), (200, 180, 190))])
def test_otsu_finds_light_on_dark_and_dark_on_light(front: tuple[int, int, int], back: tuple[int, int, int]) -> None:
    (got,) = masks(painted(front, back, noise=25), rule="otsu")
    assert same(got, disc())
    bright = disc() if sum(front) > sum(back) else ~disc()
    assert same(masks(painted(front, back, noise=25), rule="otsu", invert=False)[0], bright)
    assert same(masks(painted(front, back, noise=25), rule="otsu", invert=True)[0], ~bright)


def test_color_tells_equal_brightness_apart() -> None:
    image = painted((160, 60, 60), (30, 112, 110), noise=5)  # both have a luma near 90
    (got,) = masks(image, rule="color")
    assert same(got, disc())
    (got,) = masks(image, rule="color", tolerance=30.0)
    assert same(got, disc())
    (got,) = masks(image, rule="color", color=[160, 60, 60], tolerance=15.0)
    assert same(got, disc())
    (got,) = masks(image, rule="color", color=[160, 60, 60])
    assert same(got, disc())


@pytest.mark.parametrize("options", [{}, {"rule": "otsu"}, {"rule": "color"}, {"rule": "color", "tolerance": 5.0}])
def test_images_of_one_color_get_no_mask_and_a_warning(options: dict[str, Any]) -> None:
    plain, good = np.zeros((3, H, W), dtype=np.uint8), painted((200, 50, 50), (0, 0, 0))
    with pytest.warns(HandfulWarning, match="binarize: 2 masks were empty or full and left out: 0, 2"):
        got = masks(plain, good, plain, **options)
    assert [m is None for m in got] == [True, False, True]


def test_masks_that_are_there_stay_unless_replaced() -> None:
    hand = np.zeros((H, W), dtype=bool)
    hand[0, 0] = True
    image = painted((200, 50, 50), (0, 0, 0))
    data = Dataset((Sample("a", image, 0, hand, "hand"), Sample("b", image, 1), Sample("c", image)), ("a", "b"))
    kept = registry.build("prepare", Part("binarize"), datasets.context())(data)
    assert [s.mask_source for s in kept.samples] == ["hand", "binarize", "binarize"]
    assert kept.samples[0].mask is hand
    redone = registry.build("prepare", Part("binarize", {"replace": True}), datasets.context())(data)
    assert [s.mask_source for s in redone.samples] == ["binarize"] * 3
    plain = replace(data, samples=(replace(data.samples[0], image=np.zeros_like(image)),))
    with pytest.warns(HandfulWarning, match="1 mask was"):
        redone = registry.build("prepare", Part("binarize", {"replace": True}), datasets.context())(plain)
    assert redone.samples[0].mask is None


@pytest.mark.parametrize(
    "options",
    [
        {"rule": "otzu"},
        {"threshold": 1.0},
        {"threshold": -0.1},
        {"tolerance": -1.0},
        {"color": [1, 2]},
        {"color": [1, 2, 300]},
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="prepare/binarize"):
        registry.build("prepare", Part("binarize", options), datasets.context())
