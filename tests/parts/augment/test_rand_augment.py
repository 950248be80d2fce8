"""RandAugment against torchvision's own class, operation by operation; masks move with the images."""

from dataclasses import replace

import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import RandAugment

from handful.core.context import Context
from handful.core.recipe import Part
from handful.parts import registry
from handful.parts.augment import rand_augment
from handful.parts.augment.rand_augment import BINS, GEOMETRIC, OPERATIONS, UNSIGNED
from tests.parts.augment.conftest import make_batch, seeded


def test_operations_are_torchvisions() -> None:
    names = {"color": "Color", "auto_contrast": "AutoContrast"}
    ours = {names.get(n, "".join(word.capitalize() for word in n.split("_"))): f for n, f in OPERATIONS.items()}
    theirs = RandAugment()
    assert set(ours) == set(theirs._AUGMENTATION_SPACE)
    image = (make_batch(3, 31, 24).images * 255).round().to(torch.uint8)
    for name, (amounts, signed) in theirs._AUGMENTATION_SPACE.items():
        drawn = amounts(BINS, 31, 24)
        assert signed == (name not in {"Posterize", "Solarize", "AutoContrast", "Equalize", "Identity"})
        for magnitude in (0, 9, 30):
            for sign in (1, -1) if signed else (1,):
                amount = 0.0 if drawn is None else float(drawn[magnitude]) * sign
                expected = theirs._apply_image_or_video_transform(
                    image, name, amount, InterpolationMode.NEAREST, theirs._fill
                )
                found = ours[name](image, sign * magnitude / (BINS - 1))
                assert (found.int() - expected.int()).abs().max() <= 1, (name, magnitude, sign)
    assert len(UNSIGNED) == 5


@pytest.mark.parametrize("name", list(GEOMETRIC))
def test_masks_move_with_the_images(context: Context, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(rand_augment, "OPERATIONS", {name: GEOMETRIC[name]})
    batch = make_batch(8)
    batch = replace(batch, pixel_labels=batch.pixel_labels[:1].repeat(8, 1, 1))
    drawn = (batch.pixel_labels > 0).float()[:, None].repeat(1, 3, 1, 1)
    batch = replace(batch, images=drawn.contiguous(memory_format=torch.channels_last))
    change = registry.build("augment", Part("rand_augment", {"operations": 1, "magnitude": 20}), context)
    result = change(batch, seeded(0))
    assert torch.equal(result.images[:, 0] > 0.5, result.pixel_labels > 0)
    assert not torch.equal(result.pixel_labels, batch.pixel_labels)
    assert len({tuple(m.flatten().tolist()) for m in result.pixel_labels}) == 2  # both directions


def test_all_operations_are_drawn_alike(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, int] = dict.fromkeys(OPERATIONS, 0)

    def count(name: str) -> rand_augment.Operation:
        def change(x: torch.Tensor, share: float) -> torch.Tensor:
            if x.shape[1] == 3:
                seen[name] += len(x)
            return x

        return change

    monkeypatch.setattr(rand_augment, "OPERATIONS", {name: count(name) for name in OPERATIONS})
    registry.build("augment", Part("rand_augment"), context)(make_batch(1400, 2, 2), seeded(0))
    assert seen.pop("identity") == 0  # skipped, so not counted
    assert all(130 < n < 270 for n in seen.values()), seen  # 200 expected, standard deviation 14


def test_the_global_generator_is_left_alone(context: Context) -> None:
    before = torch.get_rng_state()
    registry.build("augment", Part("rand_augment"), context)(make_batch(), seeded(0))
    assert torch.equal(before, torch.get_rng_state())
