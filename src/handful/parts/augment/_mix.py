"""Mixing of images for CutMix and Mixup: a partner and a weight for each image, and the labels of the mixed image."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handful.core.tensors import Batch


def partners(n: int, generator: torch.Generator) -> Int[Tensor, " n"]:
    """Draw for each image another one of the batch, along a random cycle; a single image is its own partner."""
    order = torch.randperm(n, generator=generator, device=generator.device)
    partner = torch.empty_like(order)
    partner[order] = order.roll(1)
    return partner


def mixing_weights(n: int, alpha: float, generator: torch.Generator) -> Float[Tensor, " n"]:
    """Draw n weights of Beta(alpha, alpha), each in [0, 1]: how much of each image remains."""
    if alpha == 1.0:
        return torch.rand(n, generator=generator, device=generator.device)
    # torch's Beta takes no generator.
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    weights = np.random.default_rng(seed).beta(alpha, alpha, n)
    return torch.from_numpy(weights.astype(np.float32)).to(generator.device)


def mix_labels(
    batch: Batch, partner: Int[Tensor, " n"], weight: Float[Tensor, " n"]
) -> tuple[Int[Tensor, " n"], Float[Tensor, "n k"]]:
    """Compute labels and targets of mixed images.

    Args:
        batch: labels and targets before mixing.
        partner: position of the image that each is mixed with.
        weight: weight of the image itself; its partner has 1 - weight.

    Returns:
        The label of the image with the larger weight (the image itself where both are equal), and the weighted mean of
        the targets.
    """
    labels = torch.where(weight >= 0.5, batch.labels, batch.labels[partner])
    factor = weight.to(batch.targets)[:, None]
    return labels, batch.targets * factor + batch.targets[partner] * (1 - factor)


def mix_known(batch: Batch, partner: Int[Tensor, " n"], weight: Float[Tensor, " n"]) -> Bool[Tensor, "n k"] | None:
    """Compute the known entries of mixed images: those that are known of both, or of the only one that is seen.

    Args:
        batch: before mixing.
        partner: position in the batch of the image that each is mixed with.
        weight: weight of the image itself.
    """
    if batch.known is None:
        return None
    own, other = (weight > 0)[:, None], (weight < 1)[:, None]
    return (batch.known | ~own) & (batch.known[partner] | ~other)


def mix_index(batch: Batch, partner: Int[Tensor, " n"], weight: Float[Tensor, " n"]) -> Int[Tensor, " n"] | None:
    """Compute positions among the training images after mixing: -1 for an image that shows two.

    Args:
        batch: before mixing.
        partner: position in the batch of the image that each is mixed with.
        weight: weight of the image itself.
    """
    if batch.index is None:
        return None
    one = (weight == 1) | (batch.index == batch.index[partner])
    return torch.where(one, batch.index, -1)


def mix_weights(batch: Batch, partner: Int[Tensor, " n"], weight: Float[Tensor, " n"]) -> Float[Tensor, " n"] | None:
    """Compute the factors of the mixed images' losses, in proportion to what an image shows of each of the two."""
    if batch.weights is None:
        return None
    return batch.weights * weight + batch.weights[partner] * (1 - weight)
