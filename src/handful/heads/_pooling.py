"""From pixel scores to class scores: the function q of the CvS paper (section III-A, equation 1)."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from handful.types import Output

Pool = Literal["logits", "probability", "foreground"]
Compare = Callable[[Tensor], Tensor]


def check_pool(pool: str) -> None:
    """Refuse an unknown rule.

    Raises:
        ValueError: it is not one of the three.
    """
    if pool not in ("logits", "probability", "foreground"):
        raise ValueError(f"pool must be logits, probability or foreground, not {pool!r}")


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
            share = pixels.softmax(dim=1)[:, 1:].mean(dim=(2, 3))
            logits = share.clamp_min(1e-8).log()
        else:
            weight = 1 - pixels.softmax(dim=1)[:, :1]
            embedding = (rest * weight).sum(dim=(2, 3)) / weight.sum(dim=(2, 3)).clamp_min(1e-6)
            logits = compare(embedding)
    return Output(embedding, logits, features.float(), pixels)
