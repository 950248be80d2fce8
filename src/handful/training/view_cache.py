"""View cache: maps of a backbone's frozen stages for several augmented views of each image, computed once.

On two cores the early stages at 256 pixels are most of a training step. Frozen stages give the same maps each time for
the same view, so a fixed number of views per image is computed before training, and each step picks among them.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from handful.core.prediction import predict_batch_size
from handful.core.progress import Progress
from handful.core.tensors import Batch
from handful.data.in_memory import ImageTensors
from handful.errors import TrainingError, hint
from handful.models.device import autocast
from handful.models.network import Network
from handful.training.augmentation import Compose
from handful.training.random_streams import Stream, derive_seed


@dataclass(frozen=True, eq=False)
class ViewCache:
    """`maps` of every view of every image, and its pixel labels, which were augmented with it."""

    maps: Float[Tensor, "v n c h2 w2"]
    pixel_labels: Int[Tensor, "v n h w"]
    tensors: ImageTensors

    def batch(
        self, index: Int[Tensor, " b"], classes: int, generator: torch.Generator
    ) -> tuple[Batch, Float[Tensor, "b c h2 w2"]]:
        """The images at `index`, each in a view drawn at random; `images` is blank, only its size counts."""
        view = torch.randint(len(self.maps), index.shape, generator=generator, device=index.device)
        labels, targets, known = self.tensors.knowledge(index, classes)
        blank = torch.zeros(1, device=index.device).expand(len(index), *self.tensors.images.shape[1:])
        maps = self.maps[view, index].contiguous(memory_format=torch.channels_last)
        weights = None if self.tensors.weights is None else self.tensors.weights[index]
        pixels = self.pixel_labels[view, index].long()
        candidates = None if self.tensors.candidates is None else self.tensors.candidates[index]
        batch = Batch(blank, labels, targets, pixels, index, known=known, weights=weights, candidates=candidates)
        return batch, maps


def cache_views(
    network: Network,
    tensors: ImageTensors,
    augment: Compose,
    *,
    precision: str,
    views: int,
    classes: int,
    seed: int,
    progress: bool = False,
) -> ViewCache:
    """Augment every image `views` times and run the frozen stages on each view.

    Args:
        network: whose backbone has frozen stages.
        tensors: the images.
        augment: the recipe's augmentation.
        precision: the recipe's.
        views: of each image.
        classes: number of classes.
        seed: of the run.
        progress: show a bar over the images.

    Raises:
        TrainingError: the backbone has no frozen stages to cache.
    """
    if not network.has_frozen:
        raise TrainingError(
            "cache_views needs a backbone whose first stages are frozen",
            where="backbone",
            remedy=f"set its freeze option{hint('overrides', 'backbone.freeze=3')}, or cache_views = 0.",
        )
    device = tensors.images.device
    maps, labels = [], []
    length = predict_batch_size((tensors.images.shape[2], tensors.images.shape[3]), most=len(tensors))
    network.eval()
    starts = [(view, start) for view in range(views) for start in range(0, len(tensors), length)]
    with Progress(views * len(tensors), "caching views", shown=progress or None, loss=False) as bar:
        for view, start in starts:
            index = torch.arange(start, min(len(tensors), start + length), device=device)
            generator = torch.Generator(device).manual_seed(derive_seed(seed, Stream.VIEWS, view, start))
            batch = augment(tensors.batch(index, classes), generator, share=0.0)
            with torch.no_grad(), autocast(precision, device):
                maps.append(network.frozen_maps(batch.images).contiguous())
            labels.append(batch.pixel_labels.to(torch.int16))
            bar.advance(math.nan, len(index))
    n = len(tensors)
    stacked = torch.cat(maps)
    return ViewCache(
        stacked.view(views, n, *stacked.shape[1:]), torch.cat(labels).view(views, n, *labels[0].shape[1:]), tensors
    )
