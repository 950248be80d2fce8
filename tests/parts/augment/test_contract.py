"""What every augmentation in the folder keeps to. A new file is tested from its first run."""

from dataclasses import replace

import pytest
import torch

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import Batch
from handful.errors import RecipeError
from handful.parts import registry
from tests.parts.augment.conftest import make_batch, seeded

NAMES = registry.names("augment")
STILL = {"color_jitter", "grayscale", "noise"}  # these leave every pixel where it is
CHANGES_COLORS = {"rand_augment"}  # moves pixels, and may turn white to black: see test_rand_augment
VARIANTS: list[tuple[str, dict[str, object]]] = [(name, {}) for name in NAMES] + [
    ("affine", {"elastic": 0.06, "fill": "border"}),
    ("affine", {"degrees": 180.0, "fill": "reflection"}),
    ("crop", {"padding": 0.125}),
    ("cutmix", {"probability": 1.0, "alpha": 0.4}),
    ("cutout", {"paint": "noise"}),
    ("gridmask", {"paint": "black", "probability": 1.0}),
    ("random_erasing", {"probability": 1.0}),
    ("random_erasing", {"probability": 1.0, "paint": "mean"}),
    ("flip", {"vertical": 0.5}),
]
every = pytest.mark.parametrize(("name", "options"), VARIANTS, ids=lambda v: str(v))


def change(context: Context, name: str, options: dict[str, object], batch: Batch, seed: int = 0) -> Batch:
    result = registry.build("augment", Part(name, options), context)(batch, seeded(seed))
    assert isinstance(result, Batch)
    return result


def mixes(name: str) -> bool:
    return registry.has_trait("augment", Part(name), "mixes_images")


def erases(name: str) -> bool:
    """Erased pixels lose their label: nothing of the image is seen there."""
    return registry.has_trait("augment", Part(name), "erases_pixels")


@every
def test_input_is_not_changed(context: Context, name: str, options: dict[str, object]) -> None:
    batch, same = make_batch(), make_batch()
    change(context, name, options, batch)
    for field in ("images", "labels", "targets", "pixel_labels"):
        assert torch.equal(getattr(batch, field), getattr(same, field)), field


@every
def test_seed_decides_the_result(context: Context, name: str, options: dict[str, object]) -> None:
    batch = make_batch()
    first, again, other = (change(context, name, options, batch, seed) for seed in (0, 0, 1))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.pixel_labels, again.pixel_labels)
    assert not torch.equal(first.images, other.images)


@every
def test_images_get_amounts_of_their_own(context: Context, name: str, options: dict[str, object]) -> None:
    if mixes(name):
        pytest.skip("mixing an image with itself changes nothing")
    one, twelve = make_batch(1), [0] * 12
    batch = Batch(one.images[twelve], one.labels[twelve], one.targets[twelve], one.pixel_labels[twelve])
    images = change(context, name, options, batch).images
    assert len({tuple(image.flatten().tolist()) for image in images}) > 1


@every
@pytest.mark.parametrize("shape", [(6, 45, 37), (1, 7, 5), (2, 1, 1), (3, 28, 28)])
def test_shape_type_and_range_are_kept(
    context: Context, name: str, options: dict[str, object], shape: tuple[int, int, int]
) -> None:
    batch = make_batch(*shape)
    result = change(context, name, options, batch)
    for field in ("images", "labels", "targets", "pixel_labels"):
        old, new = getattr(batch, field), getattr(result, field)
        assert (new.shape, new.dtype, new.device) == (old.shape, old.dtype, old.device), field
    assert result.images.is_contiguous(memory_format=torch.channels_last)
    assert torch.isfinite(result.images).all()
    assert result.images.min() >= 0
    assert result.images.max() <= 1
    if not mixes(name):
        assert torch.equal(result.labels, batch.labels)
        assert torch.equal(result.targets, batch.targets)
        own = (batch.labels + 1)[:, None, None]
        known = (result.pixel_labels == 0) | (result.pixel_labels == own) | (result.pixel_labels == -1)
        assert known.all()


@every
def test_images_without_a_mask_stay_without(context: Context, name: str, options: dict[str, object]) -> None:
    if mixes(name):
        pytest.skip("mixes images")
    batch = make_batch()
    for seed in range(3):
        maps = change(context, name, options, batch, seed).pixel_labels
        assert (maps[-1] == -1).all()
        known = (maps[:-1] >= 0).flatten(1)
        assert known.any(dim=1).all() if erases(name) else known.all()


@pytest.mark.parametrize("name", [n for n in NAMES if not mixes(n)])
def test_images_are_not_mixed(context: Context, name: str) -> None:
    batch = make_batch()
    other = batch.images.clone()
    other[0] = 0.25
    maps = batch.pixel_labels.clone()
    maps[0] = 0
    one = change(context, name, {}, batch)
    two = change(context, name, {}, replace(batch, images=other, pixel_labels=maps))
    assert torch.equal(one.images[1:], two.images[1:])
    assert torch.equal(one.pixel_labels[1:], two.pixel_labels[1:])
    assert not torch.equal(one.images[0], two.images[0])


@every
def test_mask_moves_with_the_image(context: Context, name: str, options: dict[str, object]) -> None:
    if mixes(name):
        pytest.skip("mixes images")
    if name in CHANGES_COLORS:
        pytest.skip("see test_rand_augment")
    batch = make_batch(8)
    batch = replace(batch, pixel_labels=batch.pixel_labels[:1].repeat(8, 1, 1))
    if name in STILL:
        assert torch.equal(change(context, name, options, batch).pixel_labels, batch.pixel_labels)
        return
    drawn = (batch.pixel_labels > 0).float()[:, None].repeat(1, 3, 1, 1)
    batch = replace(batch, images=drawn.contiguous(memory_format=torch.channels_last))
    moved = False
    for seed in range(4):
        result = change(context, name, options, batch, seed)
        known = result.pixel_labels >= 0
        seen, said = (result.images[:, 0] > 0.5) & known, result.pixel_labels > 0
        overlap = (seen & said).sum((1, 2)) / (seen | said).sum((1, 2))
        assert overlap.min() > 0.9, f"image and mask part ways: IoU {overlap.min():.2f}"
        moved |= not torch.equal(result.pixel_labels, batch.pixel_labels)
    assert moved


@every
def test_gray_stays_gray(context: Context, name: str, options: dict[str, object]) -> None:
    images = change(context, name, options, make_batch(color=False)).images
    assert (images - images[:, :1]).abs().max() < 1e-5


@pytest.mark.parametrize("name", [n for n in NAMES if "probability" in registry.options("augment", n)])
def test_probability(context: Context, name: str) -> None:
    batch = make_batch(200, 9, 11)
    never = change(context, name, {"probability": 0.0}, batch)
    torch.testing.assert_close(never.images, batch.images, atol=1e-4, rtol=0)
    assert torch.equal(never.pixel_labels, batch.pixel_labels)
    seldom = change(context, name, {"probability": 0.25}, batch)
    share = ((seldom.images - batch.images).abs().amax((1, 2, 3)) > 1e-3).float().mean()
    assert 0.12 < share < 0.4  # 0.25 within four standard errors


@pytest.mark.parametrize(("name", "option"), [(n, o) for n in NAMES for o in registry.options("augment", n)])
@pytest.mark.parametrize("value", [-1.0, float("nan"), "mirror", (2.0, 0.5), (0.5, 0.6, 0.7), 1e6])
def test_values_an_option_cannot_take(context: Context, name: str, option: str, value: object) -> None:
    with pytest.raises(RecipeError, match=f"augment/{name}: invalid option value") as error:
        registry.build("augment", Part(name, {option: value}), context)
    assert option in str(error.value)
