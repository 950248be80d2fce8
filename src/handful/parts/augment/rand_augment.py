"""RandAugment: a few of fourteen operations, drawn for each image (Cubuk et al. 2020, https://arxiv.org/abs/1909.13719).

Operations and their strengths are those of torchvision's `v2.RandAugment`. That class draws from the global generator,
applies the same operations to a whole batch and does not take masks. The magnitude is the same for all images, so
images with the same operation are processed together.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as V

from handful.core.context import Context
from handful.core.tensors import IGNORE, Batch
from handful.parts.augment._part import Augment, check_number

Operation = Callable[[Any, float], Any]
BINS = 31  # magnitudes 0 to 30, as in torchvision
LARGEST = {"shear": 0.3, "translation": 150 / 331, "degrees": 30.0, "factor": 0.9}  # at magnitude 30


def _affine(x: Any, *, shear: tuple[float, float] = (0.0, 0.0), translate: tuple[int, int] = (0, 0)) -> Any:
    center = [0, 0] if any(shear) else None
    return V.affine(x, angle=0.0, translate=list(translate), scale=1.0, shear=list(shear), center=center)


def _shear_degrees(share: float) -> float:
    return math.degrees(math.atan(LARGEST["shear"] * share))


# Operations on uint8 images [n 3 h w]; s in [-1, 1] is the magnitude relative to the largest, with its direction.
GEOMETRIC: dict[str, Operation] = {
    "shear_x": lambda x, s: _affine(x, shear=(_shear_degrees(s), 0.0)),
    "shear_y": lambda x, s: _affine(x, shear=(0.0, _shear_degrees(s))),
    "translate_x": lambda x, s: _affine(x, translate=(int(LARGEST["translation"] * x.shape[-1] * s), 0)),
    "translate_y": lambda x, s: _affine(x, translate=(0, int(LARGEST["translation"] * x.shape[-2] * s))),
    "rotate": lambda x, s: V.rotate(x, angle=LARGEST["degrees"] * s),
}
PHOTOMETRIC: dict[str, Operation] = {
    "brightness": lambda x, s: V.adjust_brightness(x, 1 + LARGEST["factor"] * s),
    "color": lambda x, s: V.adjust_saturation(x, 1 + LARGEST["factor"] * s),
    "contrast": lambda x, s: V.adjust_contrast(x, 1 + LARGEST["factor"] * s),
    "sharpness": lambda x, s: V.adjust_sharpness(x, 1 + LARGEST["factor"] * s),
    "posterize": lambda x, s: V.posterize(x, round(8 - 4 * abs(s))),
    "solarize": lambda x, s: V.solarize(x, 255 * (1 - abs(s))),
    "auto_contrast": lambda x, _: V.autocontrast(x),
    "equalize": lambda x, _: V.equalize(x),
    "identity": lambda x, _: x,
}
OPERATIONS = {**GEOMETRIC, **PHOTOMETRIC}
UNSIGNED = ("posterize", "solarize", "auto_contrast", "equalize", "identity")


def build(_context: Context, *, operations: int = 2, magnitude: int = 9) -> Augment:
    """Apply operations drawn for each image, one after another; geometric ones apply to its pixel labels, too.

    Images are rounded to 8 bits, on which the operations are defined. Pixels outside the image are black, and
    background.

    Args:
        operations: number of operations per image, drawn with replacement.
        magnitude: strength of the operations, 0 to 30.

    Raises:
        ValueError: an option is out of range.
    """
    check_number("operations", operations, 1, 8, whole=True)
    check_number("magnitude", magnitude, 0, BINS - 1, whole=True)
    share = magnitude / (BINS - 1)

    def rand_augment(batch: Batch, generator: torch.Generator) -> Batch:
        images = (batch.images * 255).round().to(torch.uint8)
        maps = batch.pixel_labels.clone()
        for _ in range(operations):
            shape = (len(images),)
            operation = torch.randint(len(OPERATIONS), shape, generator=generator, device=images.device)
            negative = torch.rand(shape, generator=generator, device=images.device) < 0.5
            for i, (name, apply) in enumerate(OPERATIONS.items()):
                for sign in (1,) if name in UNSIGNED else (1, -1):
                    selected = operation == i if name in UNSIGNED else (operation == i) & (negative == (sign < 0))
                    index = selected.nonzero()[:, 0]
                    if len(index) == 0 or name == "identity":
                        continue
                    images[index] = apply(images[index], sign * share)
                    if name in GEOMETRIC:
                        maps[index] = apply(tv_tensors.Mask(maps[index, None]), sign * share)[:, 0]
        maps = maps.masked_fill_(_without_mask(batch), IGNORE)
        augmented = images.float().div_(255).contiguous(memory_format=torch.channels_last)
        return replace(batch, images=augmented, pixel_labels=maps)

    return rand_augment


def _without_mask(batch: Batch) -> Bool[Tensor, "n 1 1"]:
    return (batch.pixel_labels == IGNORE).flatten(1).all(dim=1)[:, None, None]
