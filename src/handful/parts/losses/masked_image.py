"""Masked image modeling: hidden pixels, and the image's gradient there, are predicted from the feature maps.

Cai et al. 2022 (Uni4Eye), https://arxiv.org/abs/2203.04614, after its text (no code is public): one decoder for the
pixels, one for the gradient map, and the sum of their mean squared errors over the hidden pixels. A decoder is a 1 x 1
convolution and a pixel shuffle (SimMIM, Xie et al. 2022, https://arxiv.org/abs/2111.09886), used in training only.
Images are standardized by their own mean and deviation; their gradient is Sobel's magnitude of the mean over the
channels, a difference per pixel. Here the encoder is convolutional and sees hidden patches in the image's mean
color, where the paper's transformer does not see them.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._sobel import sobel
from handful.parts.losses._views import view_values

soft_targets = True
candidates = True
needs_hidden = True
needs_maps = True
reads_images = True
trains_no_classifier = True
uses_unlabelled = True
SMALLEST = 1e-2  # deviation of an image, so that a blank one has finite targets


class MaskedImage(nn.Module):
    """Mean squared error of each image's hidden pixels, in the view that hides some; 0 for images without any."""

    def __init__(self, channels: int, stride: int, gradient: float) -> None:
        super().__init__()
        self.stride, self.gradient = stride, gradient
        self.pixels = nn.Conv2d(channels, 3 * stride**2, 1)
        self.gradients = nn.Conv2d(channels, stride**2, 1) if gradient > 0 else None

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """The error, about 1 for each decoder that predicts a mean."""
        maps, rows, shown = _masked_view(output, batch)
        assert shown.unmasked is not None
        assert shown.hidden is not None
        target = standardize(shown.unmasked)
        values = self._errors(self.pixels, maps, target, shown.hidden)
        if self.gradients is not None:
            edges = self._errors(self.gradients, maps, gradient_map(target), shown.hidden)
            values = values + self.gradient * edges
        return view_values(batch, rows, values)

    def _errors(
        self,
        decoder: nn.Conv2d,
        maps: Float[Tensor, "n c h2 w2"],
        target: Float[Tensor, "n t h w"],
        hidden: Bool[Tensor, "n h w"],
    ) -> Float[Tensor, " n"]:
        h, w = target.shape[2:]
        predicted = F.pixel_shuffle(decoder(maps.to(decoder.weight)), self.stride)[:, :, :h, :w]
        errors = (predicted.float() - target).square().mean(dim=1) * hidden
        return errors.sum(dim=(1, 2)) / hidden.sum(dim=(1, 2)).clamp(min=1)


def _masked_view(output: Output, batch: Batch) -> tuple[Float[Tensor, "m c h2 w2"], Int[Tensor, " m"], Batch]:
    """The first view with hidden pixels: its maps, its rows in the batch, and itself."""
    everything = torch.arange(len(batch.labels), device=batch.labels.device)
    seen = [(output, everything, batch)]
    seen += [(one, batch.view_rows(i), batch.views[i]) for i, one in enumerate(output.views)]
    one, rows, shown = next(view for view in seen if view[2].hidden is not None)  # the recipe was checked
    assert one.maps is not None, "the trait `needs_maps` keeps them"
    return one.maps, rows, shown


def standardize(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Images of mean 0 and deviation 1, each by its own values over all channels."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    deviation = (images - mean).square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return (images - mean) / deviation.clamp(min=SMALLEST)


def gradient_map(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
    """Sobel's gradient magnitude of the mean over the channels."""
    return sobel(images.mean(dim=1, keepdim=True)).square().sum(dim=1, keepdim=True).sqrt()


def build(context: Context, *, gradient: float = 1.0) -> MaskedImage:
    """Prediction of hidden pixels, which `augment/patch_mask` hides in the first view or in a further one.

    Args:
        context: gives the channels and the stride of the feature maps.
        gradient: weight of the gradient map, 0 or more; 0: pixels alone.

    Raises:
        ValueError: gradient is below 0.
    """
    if not gradient >= 0:
        raise ValueError(f"gradient must be 0 or more, not {gradient!r}")
    assert context.maps is not None, "losses are built after the network"
    return MaskedImage(*context.maps(), gradient)
