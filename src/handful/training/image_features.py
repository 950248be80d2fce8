"""Image features from the installed EfficientNet-Lite0, frozen, for nearest neighbors and cross-validation."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from jaxtyping import Float

from handful.core.context import Task
from handful.core.dataset import Image
from handful.core.recipe import Part, Recipe
from handful.data.in_memory import fit_size
from handful.models.device import autocast
from handful.parts import registry

SIDE = 160  # in a first try as good as 224 for telling classes apart, at half the time; 112 was worse
BATCH = 64
RECIPE = Recipe("inspect", backbone=Part("efficientnet_lite0"), head=Part("linear", {"norm": "none"}), stages=())


def features(images: Iterable[Image], *, device: str = "cpu") -> Iterator[Float[np.ndarray, "n c"]]:
    """What the backbone's last maps are on average, for pictures squashed to 160 x 160, some at a time.

    Raises:
        WeightsError: the weights' package is not installed.
    """
    target = torch.device(device)
    task = Task(("one", "other"), np.ones(2, np.int64))  # the head's scores are not looked at
    network = registry.build_network(RECIPE, registry.make_context(RECIPE, task))
    network = network.eval().to(target).to(memory_format=network.layout)

    def flush(batch: list[torch.Tensor]) -> Float[np.ndarray, "n c"]:
        with torch.inference_mode(), autocast(RECIPE.precision, target):
            features = network(torch.stack(batch).to(target).float().div_(255)).features
        return np.asarray(features.float().cpu().numpy())

    batch_images: list[torch.Tensor] = []
    for image in images:
        batch_images.append(torch.from_numpy(fit_size(image, (SIDE, SIDE), "squash")))
        if len(batch_images) == BATCH:
            yield flush(batch_images)
            batch_images = []
    if batch_images:
        yield flush(batch_images)
