"""What CutMix and Mixup share: a partner and a share for each image, and what the mixed image is called."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from handful.core.tensors import Batch


def partners(n: int, generator: torch.Generator) -> Int[Tensor, " n"]:
    """For each image another one of the batch: a random cycle through all. A lone image is its own partner."""
    order = torch.randperm(n, generator=generator, device=generator.device)
    partner = torch.empty_like(order)
    partner[order] = order.roll(1)
    return partner


def shares(n: int, alpha: float, generator: torch.Generator) -> Float[Tensor, " n"]:
    """How much of each image stays: n draws of Beta(alpha, alpha), each in [0, 1]."""
    if alpha == 1.0:
        return torch.rand(n, generator=generator, device=generator.device)
    # torch's Beta takes no generator.
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    drawn = np.random.default_rng(seed).beta(alpha, alpha, n)
    return torch.from_numpy(drawn.astype(np.float32)).to(generator.device)


def mixed_labels(
    batch: Batch, partner: Int[Tensor, " n"], share: Float[Tensor, " n"]
) -> tuple[Int[Tensor, " n"], Float[Tensor, "n k"]]:
    """Label and targets of mixed images, of which `share` is the image's own.

    Targets are mixed by the shares. The label is that of the larger part, the image's own where both are equal.
    """
    labels = torch.where(share >= 0.5, batch.labels, batch.labels[partner])
    own = share.to(batch.targets)[:, None]
    return labels, batch.targets * own + batch.targets[partner] * (1 - own)
