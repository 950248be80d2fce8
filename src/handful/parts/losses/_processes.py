"""What losses that remember or count share in a training by several processes."""

import torch
import torch.distributed
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def sum_over_processes(values: Tensor) -> Tensor:
    """The sum over all processes that train together, without gradient; with one process, the values themselves."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return values
    total = values.detach().clone()
    torch.distributed.all_reduce(total)
    return total


def gather_over_processes(values: Float[Tensor, " n"]) -> Float[Tensor, " m"]:
    """The values of all processes that train together, without gradient, filled up with infinity to one length each."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return values.detach()
    longest = torch.tensor(len(values), device=values.device)
    torch.distributed.all_reduce(longest, op=torch.distributed.ReduceOp.MAX)
    own = F.pad(values.detach(), (0, int(longest) - len(values)), value=torch.inf)
    parts = [torch.empty_like(own) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(parts, own)
    return torch.cat(parts)


def mean_by_image(
    index: Int[Tensor, " n"], values: Float[Tensor, "n c"], images: int
) -> tuple[Float[Tensor, "images c"], Float[Tensor, "images 1"]]:
    """The mean of each training image's values in this step, over all processes, and how often it was there.

    Args:
        index: positions of the training images; one that is there several times counts with its mean.
        values: of each, without gradient.
        images: number of training images.
    """
    rows = torch.cat([values, torch.ones_like(values[:, :1])], dim=1)
    sums = sum_over_processes(rows.new_zeros(images, rows.shape[1]).index_add(0, index, rows))
    counts = sums[:, -1:]
    return sums[:, :-1] / counts.clamp_min(1), counts
