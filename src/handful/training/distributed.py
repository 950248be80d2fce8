"""Data-parallel training: each process takes its rows of every batch, and gradients are summed.

Every process draws and augments the whole batch from the same seeds and then selects every P-th row, so that CutMix
mixes the same images as in one process. Gradients are summed after the backward pass: networks for few images are
small, and unlike a wrapped network this works with parameters that belong to a loss or are unused in a stage. Losses
that compare the images of a batch with each other (center with the batch's means) see the rows of one process only.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn

from handful.errors import TrainingError


class _Sum(torch.autograd.Function):
    """The sum of a tensor over the processes, with its gradient."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:  # noqa: ARG004
        return _summed(own)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        return _summed(gradient)


def _summed(own: Tensor) -> Tensor:
    total = own.clone()
    torch.distributed.all_reduce(total)
    return total


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the images of all processes, on any device; with one process it is `nn.BatchNorm2d`."""

    def forward(self, input: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:  # noqa: A002
        """Normalise with the statistics of all processes in training, with the running ones after it."""
        if not self.training or not torch.distributed.is_initialized():
            return super().forward(input)
        x = input.float()
        count = x.new_full((1,), x.numel() / x.shape[1])
        sums = _Sum.apply(torch.cat([x.sum((0, 2, 3)), count]))
        total = sums[-1]
        mean = sums[:-1] / total
        variance = _Sum.apply((x - mean[:, None, None]).square().sum((0, 2, 3))) / total
        if self.track_running_stats:
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
            rate = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            with torch.no_grad():
                self.running_mean.lerp_(mean, rate)
                self.running_var.lerp_(variance * total / (total - 1), rate)
        scale = torch.rsqrt(variance + self.eps)
        shift = -mean * scale
        if self.affine:
            scale, shift = scale * self.weight, shift * self.weight + self.bias
        normed: Tensor = x * scale[:, None, None] + shift[:, None, None]
        return normed.to(input.dtype)


def share_norms(module: nn.Module) -> None:
    """Make every batch norm of the network one over all processes; names, weights and statistics stay."""
    for norm in module.modules():
        if type(norm) is nn.BatchNorm2d:
            norm.__class__ = SharedBatchNorm


def check_batches(sizes: Sequence[int], processes: int, *, recipe: str) -> None:
    """Refuse batches that leave a process without an image.

    Raises:
        TrainingError: the smallest batch has fewer images than there are processes.
    """
    if min(sizes) < processes:
        raise TrainingError(
            f"a batch of {min(sizes)} cannot be shared by {processes} processes",
            where=recipe,
            remedy="start fewer processes, or set fill_batch = true.",
        )


def own_rows(accelerator: Accelerator) -> slice | None:
    """The rows of a batch that this process trains on, every P-th of P processes; None: there is one process."""
    if accelerator.num_processes == 1:
        return None
    return slice(accelerator.process_index, None, accelerator.num_processes)


def sum_gradients(network: nn.Module, accelerator: Accelerator) -> None:
    """Add up the gradients of all processes, in one message; a parameter that no process used keeps none."""
    wanted = [p for p in network.parameters() if p.requires_grad]
    if accelerator.num_processes == 1 or not wanted:
        return
    used = torch.tensor([float(p.grad is not None) for p in wanted], device=wanted[0].device)
    flat = torch.cat([torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in wanted])
    total: Tensor = accelerator.reduce(torch.cat([flat, used]), "sum")
    start = 0
    for parameter, users in zip(wanted, total[-len(wanted) :].tolist(), strict=True):
        part = total[start : start + parameter.numel()]
        start += parameter.numel()
        parameter.grad = part.view_as(parameter) if users else None


def sum_loss(loss: Float[Tensor, ""], interrupted: bool, accelerator: Accelerator) -> tuple[float, bool]:
    """The loss summed over the processes, and whether any of them was interrupted; all get the same answer."""
    if accelerator.num_processes == 1:
        return float(loss.detach()), interrupted
    values = torch.stack([loss.detach().float(), loss.new_tensor(float(interrupted)).float()])
    total: Tensor = accelerator.reduce(values, "sum")
    return float(total[0]), bool(total[1] > 0)
