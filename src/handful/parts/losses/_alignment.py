"""Distribution alignment: predictions for unlabelled images have on average the class frequencies of the labels."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.parts.losses._processes import sum_over_processes

BATCHES = 32  # whose mean prediction is taken, as ShrinkMatch does


class DistributionAlignment(nn.Module):
    """Scales predictions so that their mean in the batches before becomes the class frequencies of the labels.

    Berthelot et al. 2020, https://arxiv.org/abs/1911.09785. In training mode the mean of each batch's predictions is
    remembered.
    """

    prior: Tensor
    means: Tensor
    seen: Tensor

    def __init__(self, prior: Float[Tensor, " k"]) -> None:
        super().__init__()
        self.register_buffer("prior", prior)
        self.register_buffer("means", torch.zeros(BATCHES, len(prior)))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, predictions: Float[Tensor, "m k"]) -> Float[Tensor, "m k"]:
        """Probabilities, of which none has a gradient."""
        mean = self.means.sum(dim=0) / self.seen.clamp(1, BATCHES)
        scale = torch.where(self.seen > 0, self.prior / mean.clamp_min(1e-6), 1.0)
        if self.training:
            sums = sum_over_processes(torch.cat([predictions.sum(dim=0), predictions.new_tensor([len(predictions)])]))
            self.means[self.seen % BATCHES] = sums[:-1] / sums[-1].clamp_min(1)
            self.seen += 1
        aligned = predictions * scale
        return aligned / aligned.sum(dim=1, keepdim=True)


def class_frequencies(context: Context) -> Float[Tensor, " k"]:
    """Share of each class in the labelled training images."""
    counts = torch.from_numpy(context.task.counts).float()
    return counts / counts.sum()
