"""RandAugment: a few of fourteen operations, drawn anew for each image (Cubuk et al. 2020).

https://arxiv.org/abs/1909.13719. Operations and amounts are those of torchvision's `v2.RandAugment`, whose own class
draws from the global generator, takes one image at a time and refuses masks. All images share the magnitude, so those
that drew the same operation are changed together.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as V

from handful.core.context import Context
from handful.core.tensors import IGNORE, Batch
from handful.parts.augment._part import Augment, check_number

Operation = Callable[[Any, float], Any]
BINS = 31  # magnitudes 0 to 30, as torchvision
MOST = {"shear": 0.3, "move": 150 / 331, "turn": 30.0, "factor": 0.9}  # at magnitude 30


def _affine(x: Any, *, shear: tuple[float, float] = (0.0, 0.0), move: tuple[int, int] = (0, 0)) -> Any:
    center = [0, 0] if any(shear) else None
    return V.affine(x, angle=0.0, translate=list(move), scale=1.0, shear=list(shear), center=center)


def _slant(share: float) -> float:
    return math.degrees(math.atan(MOST["shear"] * share))


# Each takes uint8 images [n 3 h w] and the share of the largest magnitude, negative for the other direction.
MOVES: dict[str, Operation] = {
    "shear_x": lambda x, s: _affine(x, shear=(_slant(s), 0.0)),
    "shear_y": lambda x, s: _affine(x, shear=(0.0, _slant(s))),
    "translate_x": lambda x, s: _affine(x, move=(int(MOST["move"] * x.shape[-1] * s), 0)),
    "translate_y": lambda x, s: _affine(x, move=(0, int(MOST["move"] * x.shape[-2] * s))),
    "rotate": lambda x, s: V.rotate(x, angle=MOST["turn"] * s),
}
RECOLORS: dict[str, Operation] = {
    "brightness": lambda x, s: V.adjust_brightness(x, 1 + MOST["factor"] * s),
    "color": lambda x, s: V.adjust_saturation(x, 1 + MOST["factor"] * s),
    "contrast": lambda x, s: V.adjust_contrast(x, 1 + MOST["factor"] * s),
    "sharpness": lambda x, s: V.adjust_sharpness(x, 1 + MOST["factor"] * s),
    "posterize": lambda x, s: V.posterize(x, round(8 - 4 * abs(s))),
    "solarize": lambda x, s: V.solarize(x, 255 * (1 - abs(s))),
    "auto_contrast": lambda x, _: V.autocontrast(x),
    "equalize": lambda x, _: V.equalize(x),
    "identity": lambda x, _: x,
}
OPERATIONS = {**MOVES, **RECOLORS}
ONE_SIDED = ("posterize", "solarize", "auto_contrast", "equalize", "identity")


def build(_context: Context, *, operations: int = 2, magnitude: int = 9) -> Augment:
    """Change each image by operations drawn for it, one after the other; those that move it move its pixel labels.

    Works on 8-bit values, as the operations are defined on them. What comes in from outside is black and background.

    Args:
        operations: how many are drawn for an image; one may come twice.
        magnitude: their strength, 0 to 30.

    Raises:
        ValueError: an amount out of range.
    """
    check_number("operations", operations, 1, 8, whole=True)
    check_number("magnitude", magnitude, 0, BINS - 1, whole=True)
    share = magnitude / (BINS - 1)

    def rand_augment(batch: Batch, generator: torch.Generator) -> Batch:
        images = (batch.images * 255).round().to(torch.uint8)
        maps = batch.pixel_labels.clone()
        for _ in range(operations):
            shape = (len(images),)
            drawn = torch.randint(len(OPERATIONS), shape, generator=generator, device=images.device)
            flip = torch.rand(shape, generator=generator, device=images.device) < 0.5
            for i, (name, change) in enumerate(OPERATIONS.items()):
                for sign in (1,) if name in ONE_SIDED else (1, -1):
                    mine = drawn == i if name in ONE_SIDED else (drawn == i) & (flip == (sign < 0))
                    index = mine.nonzero()[:, 0]
                    if len(index) == 0 or name == "identity":
                        continue
                    images[index] = change(images[index], sign * share)
                    if name in MOVES:
                        maps[index] = change(tv_tensors.Mask(maps[index, None]), sign * share)[:, 0]
        maps = maps.masked_fill_(_without_mask(batch), IGNORE)
        changed = images.float().div_(255).contiguous(memory_format=torch.channels_last)
        return replace(batch, images=changed, pixel_labels=maps)

    return rand_augment


def _without_mask(batch: Batch) -> Tensor:
    return (batch.pixel_labels == IGNORE).flatten(1).all(dim=1)[:, None, None]
