"""Image features of a frozen backbone, for nearest neighbors and cross-validation.

They are cached on disk, as those under a fitted head are (`handful.models.feature_cache`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace

import numpy as np
import torch
from jaxtyping import Float

from handful.core.context import Task
from handful.core.dataset import Image
from handful.core.recipe import Recipe
from handful.core.tensors import Output
from handful.data.in_memory import fit_size
from handful.models.device import autocast
from handful.models.feature_cache import FeatureCache
from handful.parts import registry
from handful.recipes.backbones import check_weights
from handful.recipes.inspection import INSPECTION, SIDE
from handful.recipes.load import load_recipe

BATCH = 64


def features_recipe(backbone: str) -> Recipe:
    """A recipe whose network gives the features of a backbone.

    Raises:
        RecipeError, WeightsError: as `load_recipe`.
    """
    known = load_recipe("logistic", backbone=backbone)
    check_weights(known.backbone)
    return replace(INSPECTION, backbone=known.backbone, image_size=known.image_size, precision=known.precision)


def features(
    images: Iterable[Image], *, device: str = "cpu", backbone: str | None = None
) -> Iterator[Float[np.ndarray, "n c"]]:
    """What the backbone's last maps are on average, for squashed pictures, some at a time.

    Args:
        images: the pictures.
        device: that the backbone runs on.
        backbone: as for `load_recipe`; None: the installed EfficientNet-Lite0, at 160 x 160 pixels.

    Raises:
        RecipeError: an unknown backbone.
        WeightsError: the weights are not there.
    """
    target, recipe = torch.device(device), INSPECTION if backbone is None else features_recipe(backbone)
    size = recipe.image_size or (SIDE, SIDE)
    task = Task(("one", "other"), np.ones(2, np.int64))  # the head's scores are not looked at
    network = registry.build_network(recipe, registry.make_context(recipe, task))
    network = network.eval().requires_grad_(False).to(target).to(memory_format=network.layout)

    cache = FeatureCache({"backbone": asdict(recipe.backbone), "head": asdict(recipe.head)})

    def compute(images: Float[torch.Tensor, "n 3 h w"]) -> Float[torch.Tensor, "n c"]:
        output: Output = network(images)
        return output.features.float()

    def flush(batch: list[torch.Tensor]) -> Float[np.ndarray, "n c"]:
        with torch.inference_mode(), autocast(recipe.precision, target):
            images = torch.stack(batch).to(target).float().div_(255)
            return np.asarray(cache.features(images, network.backbone, compute).cpu().numpy())

    batch_images: list[torch.Tensor] = []
    for image in images:
        batch_images.append(torch.from_numpy(fit_size(image, size, "squash")))
        if len(batch_images) == BATCH:
            yield flush(batch_images)
            batch_images = []
    if batch_images:
        yield flush(batch_images)
