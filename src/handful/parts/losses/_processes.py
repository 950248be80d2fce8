"""What losses that remember or count share in a training by several processes."""

import torch.distributed
from torch import Tensor


def sum_over_processes(values: Tensor) -> Tensor:
    """The sum over all processes that train together, without gradient; with one process, the values themselves."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return values
    total = values.detach().clone()
    torch.distributed.all_reduce(total)
    return total
