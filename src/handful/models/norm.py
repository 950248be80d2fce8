"""Normalization layers by name: batch norm, group norm, none, or "auto" by the number of training images.

With one image per class every batch holds the same few images, and a network with batch norm depends on their
statistics. Group norm (Wu and He 2018, https://arxiv.org/abs/1803.08494) normalizes each image on its own. "auto" takes
group norm below three images per class: it was better at one image per class and worse at five
(docs/measured/masks.md), and three is a guess between the two.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Int
from torch import nn

from handful.core.context import Task
from handful.core.recipe import Part, Recipe

NormName = Literal["batch", "group", "none", "auto"]
AUTO_BELOW = 3  # images per class


def choose_norm(name: NormName, task: Task) -> NormName:
    """Resolve "auto": "group" when the classes have fewer than three training images on average, else "batch".

    Classes without images, known by their names only, do not count.
    """
    return _auto(task.counts) if name == "auto" else name


def keep_norm(recipe: Recipe, counts: Int[np.ndarray, " k"], *, fewer: Int[np.ndarray, " k"]) -> Recipe:
    """The recipe that gives a network trained on some of the images the norms of the one trained on all of them.

    Cross-fitting measures the network that predicts, so its folds must have the same layers. "auto" is replaced only
    where it would choose differently: all other recipes, and their fingerprints, stay as they are.

    Args:
        recipe: what is trained.
        counts: training images of each class.
        fewer: those of them that this network is trained on.
    """
    return recipe if _auto(counts) == _auto(fewer) else with_norm(recipe, counts)


def with_norm(recipe: Recipe, counts: Int[np.ndarray, " k"]) -> Recipe:
    """The recipe with the norms that "auto" chooses for these numbers of training images."""
    backbone, head = (_resolved(part, counts) for part in (recipe.backbone, recipe.head))
    return replace(recipe, backbone=backbone, head=head)


def _resolved(part: Part, counts: Int[np.ndarray, " k"]) -> Part:
    if part.options.get("norm") != "auto":
        return part
    return replace(part, options={**part.options, "norm": _auto(counts)})


def _auto(counts: Int[np.ndarray, " k"]) -> Literal["batch", "group"]:
    return "group" if float(counts[counts > 0].mean()) < AUTO_BELOW else "batch"


def norm_layer(name: NormName, channels: int) -> nn.Module:
    """A normalization layer.

    Args:
        name: "batch", "none", or "group" (groups of eight channels; one group where eight does not divide `channels`).
        channels: of the maps.

    Raises:
        ValueError: another name.
    """
    if name == "batch":
        return nn.BatchNorm2d(channels)
    if name == "group":
        return nn.GroupNorm(channels // 8 if channels % 8 == 0 else 1, channels)
    if name == "none":
        return nn.Identity()
    raise ValueError(f"norm must be batch, group, none or auto, not {name!r}")
