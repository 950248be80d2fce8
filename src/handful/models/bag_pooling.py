"""Pooling of the class probabilities of a bag's images into those of the bag, as the model's head does it."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from handful.errors import ModelError
from handful.models.link import Softmax
from handful.models.network import Network


def bag_head(network: nn.Module) -> Any:
    """The head that pools the images of bags.

    Raises:
        ModelError: the network is averaged over several views of an image.
    """
    if not isinstance(network, Network):
        remedy = "predict bags without it."
        raise ModelError("images of bags are not pooled with test-time augmentation", remedy=remedy)
    return network.head


def pool_bags(
    network: nn.Module,
    probabilities: Float[np.ndarray, "n k"],
    attention: Float[np.ndarray, " n"] | None,
    index: Int[np.ndarray, " n"],
    bags: int,
) -> Float[np.ndarray, "b k"]:
    """Class probabilities of bags from those of their images.

    Args:
        network: of a model that was trained on bags.
        probabilities: of the images, as `Classifier.predict_all` has them.
        attention: likewise.
        index: number of each image's bag.
        bags: how many there are; each has an image.

    Raises:
        ModelError: as `bag_head`.
    """
    head, link = bag_head(network), Softmax()
    logits = link.logits(torch.from_numpy(probabilities).float())
    weights = None if attention is None else torch.from_numpy(attention)
    pooled: Tensor = head.bag_logits(logits, weights, torch.from_numpy(index), bags)
    return link.probabilities(pooled).numpy()
