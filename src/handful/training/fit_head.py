"""Fit a head to the features of a frozen backbone: no optimizer, no steps.

What takes time is the backbone's one pass over the images. Its results are kept on disk as they come
(`handful.models.feature_cache`), so a run that was stopped goes on where it was.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from handful.core.progress import Progress
from handful.core.recipe import Recipe
from handful.data.in_memory import ImageTensors
from handful.models.device import autocast
from handful.models.network import Network
from handful.training.augmentation import Compose
from handful.training.schedule import stream

CHUNK = 64  # images between two looks at Ctrl-C


def fit_head(
    network: Network, held: ImageTensors, augment: Compose, recipe: Recipe, *, classes: int, seed: int, shown: bool
) -> None:
    """Fit the network's head to every image in memory; nothing else of the network changes."""
    head: Any = network.head
    features = extract(network, held, augment, recipe, classes=classes, seed=seed, shown=shown)
    head.fit(features, held.labels, seed=stream(seed, 5))


def extract(
    network: Network, held: ImageTensors, augment: Compose, recipe: Recipe, *, classes: int, seed: int, shown: bool
) -> Float[Tensor, "n v c"]:
    """Features of every image as it is and, where the recipe has `cache_views`, of so many augmented views beside."""
    network.eval()
    total = len(held) * (1 + recipe.cache_views)
    with Progress(total, recipe.name, shown=shown, loss=False) as bar:
        views = [
            _view(network, held, augment, recipe, bar, view=view, classes=classes, seed=seed)
            for view in range(1 + recipe.cache_views)
        ]
    return torch.stack(views, dim=1)


def _view(
    network: Network,
    held: ImageTensors,
    augment: Compose,
    recipe: Recipe,
    bar: Progress,
    *,
    view: int,
    classes: int,
    seed: int,
) -> Float[Tensor, "n c"]:
    """Features of one view of every image: 0 is the image as it is, the others are augmented."""
    device = held.images.device
    found = []
    for start in range(0, len(held), CHUNK):
        index = torch.arange(start, min(len(held), start + CHUNK), device=device)
        batch = held.batch(index, classes)
        if view > 0:
            batch = augment(batch, torch.Generator(device).manual_seed(stream(seed, 4, view, start)), share=0.0)
        with torch.no_grad(), autocast(recipe.precision, device):
            found.append(network.features(batch.images).float())
        bar.advance(math.nan, len(index))
    return torch.cat(found)
