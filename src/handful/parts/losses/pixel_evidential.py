"""Evidential pixel loss: a Dirichlet distribution over background and classes at every pixel.

Sensoy et al. 2018 (https://arxiv.org/abs/1806.01768, equation 4), as U3HS has it for pixels (Gasperini et al. 2023,
https://arxiv.org/abs/2209.05407; the public code that was read, RuiZhou-cn/U3HS, is not the authors'). A pixel's scores
become evidence e = softplus(score), alpha = e + 1, S = sum of alpha; the loss is the expected cross-entropy,
psi(S) - psi(alpha of the right one). Where there is evidence for nothing alpha is 1: `posthoc/unknown_regions` reads
K / S, of K sorts of pixels, as the uncertainty.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._pixel_means import check_foreground, labelled_mean

reads_masks = True


class PixelEvidential:
    """Weighted mean over the labelled pixels of each image; 0 for an image without any."""

    def __init__(self, foreground: float | None) -> None:
        self.foreground = foreground

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Expected cross-entropy in nats per pixel."""
        assert output.pixels is not None, "a recipe with this loss needs a head that segments"
        with torch.autocast(output.pixels.device.type, enabled=False):
            alpha = F.softplus(output.pixels.float()) + 1
            right = alpha.gather(1, batch.pixel_labels.clamp(min=0)[:, None])[:, 0]
            loss = torch.digamma(alpha.sum(dim=1)) - torch.digamma(right)
            return labelled_mean(loss, batch, self.foreground)


def build(_context: Context, *, foreground: float | None = None) -> PixelEvidential:
    """Evidential pixel loss.

    Args:
        foreground: weight of the foreground's mean loss in an image's loss, in (0, 1); the background has the rest.
            None: all labelled pixels count equally.

    Raises:
        ValueError: foreground is not in (0, 1).
    """
    check_foreground(foreground)
    return PixelEvidential(foreground)
