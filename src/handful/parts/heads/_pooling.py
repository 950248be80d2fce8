"""From pixel scores to class scores: the function q of the CvS paper (section III-A, equation 1)."""

import math
from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from handful.core.tensors import Backbone, Output
from handful.errors import RecipeError

Pool = Literal["logits", "probability", "foreground"]
Compare = Callable[[Tensor], Tensor]


def check_pool(pool: str) -> None:
    """Refuse an unknown rule.

    Raises:
        ValueError: it is not one of the three.
    """
    if pool not in ("logits", "probability", "foreground"):
        raise ValueError(f"pool must be logits, probability or foreground, not {pool!r}")


def check_maps(backbone: Backbone) -> None:
    """Refuse maps that reach beyond the image or have one cell: a head that scores pixels could not say whose they are.

    Raises:
        RecipeError: the backbone grows its maps, or gives one vector for the whole image.
    """
    if getattr(backbone.network, "whole", False):
        raise RecipeError(
            "this head scores pixels, and the backbone gives one vector for the whole image",
            where="heads",
            remedy="use a backbone with maps, or a head that pools, such as linear.",
        )
    if getattr(backbone.network, "grows", False):
        raise RecipeError(
            "this head scores pixels, and the backbone's maps are larger than the image",
            where="heads",
            remedy='set padding = "same" in the backbone, or use a head that pools, such as linear.',
        )


def pooled_output(
    maps: Float[Tensor, "n d1 h w"], features: Float[Tensor, "n c"], compare: Compare, pool: Pool
) -> Output:
    """Average the maps over space, background (map 0) left out, and compare with the classes.

    The paper averages "the remaining P segmentation maps followed by a softmax" and does not say whether the maps
    hold logits or pixel probabilities; we default to logits. Options:

    - "logits": mean over all pixels of each map's raw score.
    - "probability": mean over all pixels of each class's pixel probability (softmax over background and
      classes); logits are the log of these means, so the class softmax is their normalised share.
    - "foreground": mean of the raw score weighted by each pixel's probability of not being background. On a small
      object the background otherwise decides the mean. The weights carry gradient.
    """
    with torch.autocast(maps.device.type, enabled=False):
        maps = maps.float()
        background, rest = maps[:, :1], maps[:, 1:]
        scores = compare(rest)
        pixels = torch.cat([background, scores], dim=1)
        embedding = rest.mean(dim=(2, 3))
        if pool == "logits":
            logits = compare(embedding)
        elif pool == "probability":
            # In logarithms: where the background is sure, class probabilities are below what a float32 can hold.
            logits = pixels.log_softmax(dim=1)[:, 1:].flatten(2).logsumexp(dim=2) - math.log(
                maps.shape[2] * maps.shape[3]
            )
        else:
            foreground = scores.logsumexp(dim=1, keepdim=True) - pixels.logsumexp(dim=1, keepdim=True)
            weight = foreground.flatten(2).softmax(dim=2)
            embedding = (rest.flatten(2) * weight).sum(dim=2)
            logits = compare(embedding)
    return Output(embedding, logits, features.float(), pixels)
