"""Fitting a head to the features of a frozen backbone: no optimizer, no steps.

Nearly all the time goes into the backbone's one pass over the images. Its features are cached on disk as they are
computed (`handful.models.feature_cache`), so a run that was stopped continues where it was.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from handful.core.processes import one_blas_thread
from handful.core.progress import Activity, Progress
from handful.data.bags import bag_index
from handful.data.in_memory import ImageTensors
from handful.models.device import autocast
from handful.training.assembly import Assembly
from handful.training.random_streams import Stream, derive_seed
from handful.training.setup import Setup

CHUNK = 64  # images between two looks at Ctrl-C


def fit_head(setup: Setup, assembly: Assembly, *, progress: bool) -> None:
    """Fit the network's head to every image in memory, or every bag; nothing else of the network changes."""
    head: Any = assembly.network.head
    features = extract_features(setup, assembly, progress=progress)
    with Activity("fitting", shown=progress or None), one_blas_thread():
        tensors, seed = setup.tensors, derive_seed(setup.seed, Stream.HEAD)
        if setup.context.task.kind == "bag":
            head.fit_bags(features, tensors.labels, torch.from_numpy(bag_index(setup.data)[1]), seed=seed)
            return
        if tensors.candidates is not None:
            head.fit_candidates(features, tensors.labels, seed=seed, **_weighted(tensors, len(setup.data.classes)))
            return
        targets = tensors.weighted_targets(len(setup.data.classes)) if tensors.targets is None else tensors.targets
        given = {} if targets is None else {"targets": targets}
        head.fit(features, tensors.labels, seed=seed, **given)


def _weighted(tensors: ImageTensors, classes: int) -> dict[str, Float[Tensor, "n k"]]:
    """Targets and candidates of each image, times its weight."""
    assert tensors.candidates is not None
    _, targets, _ = tensors.knowledge(torch.arange(len(tensors), device=tensors.labels.device), classes)
    weights = torch.ones_like(targets[:, :1]) if tensors.weights is None else tensors.weights[:, None]
    return {"targets": targets * weights, "candidates": tensors.candidates.float() * weights}


def extract_features(setup: Setup, assembly: Assembly, *, progress: bool) -> Float[Tensor, "n v c"]:
    """Features of every image as it is and, with the recipe's `cache_views`, of that many augmented views."""
    assembly.network.eval()
    views = 1 + setup.recipe.cache_views
    unit = "images" if views == 1 else "views of images"
    total = len(setup.tensors) * views
    with Progress(total, "computing features", shown=progress or None, loss=False, unit=unit) as bar:
        return torch.stack([_view_features(setup, assembly, view, bar) for view in range(views)], dim=1)


def _view_features(setup: Setup, assembly: Assembly, view: int, bar: Progress) -> Float[Tensor, "n c"]:
    """Features of one view of every image: 0 is the image as it is, the others are augmented."""
    tensors, device = setup.tensors, setup.device
    features = []
    for start in range(0, len(tensors), CHUNK):
        index = torch.arange(start, min(len(tensors), start + CHUNK), device=device)
        batch = tensors.batch(index, len(setup.data.classes))
        if view > 0:
            seed = derive_seed(setup.seed, Stream.VIEWS, view, start)
            batch = assembly.augment(batch, torch.Generator(device).manual_seed(seed), share=0.0)
        with torch.no_grad(), autocast(setup.recipe.precision, device):
            features.append(assembly.network.features(batch.images).float())
        bar.advance(math.nan, len(index))
    return torch.cat(features)
