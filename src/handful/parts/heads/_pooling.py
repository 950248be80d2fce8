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
LEAST = 1e-7  # smallest probability of not being of a class


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
    maps: Float[Tensor, "n d1 h w"],
    features: Float[Tensor, "n c"],
    compare: Compare,
    pool: Pool,
    *,
    several: bool = False,
) -> Output:
    """Average the maps over space, background (map 0) left out, and compare with the classes.

    The paper averages "the remaining P segmentation maps followed by a softmax" and does not say whether the maps
    hold logits or pixel probabilities; we default to logits. Options:

    - "logits": mean over all pixels of each map's raw score.
    - "probability": mean over all pixels of each class's pixel probability (softmax over background and
      classes); logits are the log of these means, so the class softmax is their normalised share.
    - "foreground": mean of the raw score weighted by each pixel's probability of not being background. On a small
      object the background otherwise decides the mean. The weights carry gradient.

    Of images with `several` labels, each class is scored by itself, by its log-odds against all else, which the paper's
    images of one class do not ask for: `class_log_odds`.
    """
    with torch.autocast(maps.device.type, enabled=False):
        maps = maps.float()
        background, rest = maps[:, :1], maps[:, 1:]
        scores = compare(rest)
        pixels = torch.cat([background, scores], dim=1)
        embedding = rest.mean(dim=(2, 3))
        if several:
            logits = class_log_odds(pixels, pool)
        elif pool == "logits":
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


def class_log_odds(pixels: Float[Tensor, "n k1 h w"], pool: Pool) -> Float[Tensor, "n k"]:
    """Log-odds that an image shows each class, from its pixel scores, background first.

    - "logits": mean over all pixels of a class's log-odds against background and the other classes.
    - "probability": log-odds of the mean over all pixels of its probability.
    - "foreground": mean of its log-odds weighted by each pixel's probability of being of the class: a class is read off
      where it is likeliest, however large the others are.
    """
    log_p = pixels.log_softmax(dim=1)[:, 1:].flatten(2)
    if pool == "probability":
        return log_odds(log_p.logsumexp(dim=2) - math.log(log_p.shape[2]))
    weight = torch.full_like(log_p, 1 / log_p.shape[2]) if pool == "logits" else log_p.softmax(dim=2)
    return (log_odds(log_p) * weight).sum(dim=2)


def log_odds(log_p: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Log-odds from the logarithm of a probability, at most 16: a float32 holds no probability nearer to 1."""
    log_p = log_p.clamp(max=-LEAST)
    return log_p - torch.log(-torch.expm1(log_p))
