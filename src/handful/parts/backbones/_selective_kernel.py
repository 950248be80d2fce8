"""Selective kernel unit (Li et al. 2019, https://arxiv.org/abs/1903.06586; VIPF, section 3.1 and equation 1).

Split: two convolutions of kernel 3 and 5 over all channels, each with norm and ReLU. Fuse: the spatial mean of their
sum, squeezed by a linear layer, norm and ReLU. Select: the outputs are summed with weights per channel, a softmax over
the two kernels of two linear layers of the squeezed mean.

timm's `SelectiveKernel(keep_3x3=False, split_input=False, groups=..., rd_channels=max(C // 16, 32))` computes the same,
and the tests compare with it. (Its defaults do not: `keep_3x3` makes the 5 a dilated 3, `split_input` gives each kernel
half of the channels, `rd_ratio` squeezes below the published minimum of 32.) We have our own because timm's has a fixed
batch norm in the attention, which cannot train on one image, and plain convolutions with "same" padding.

The VIPF paper prints a squeezed feature of C values; we squeeze to max(C / 16, 32) as the unit's own paper does.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.models.norm import NormName, norm_layer
from handful.parts.backbones._convolution import ConvolutionFactory

KERNEL_SIZES = (3, 5)
REDUCTION, MIN_SQUEEZED = 16, 32  # r and L of the paper


class SelectiveKernel(nn.Module):
    """C channels to C channels, `stride` times smaller."""

    def __init__(
        self, channels: int, *, stride: int, groups: int, norm: NormName, convolutions: ConvolutionFactory
    ) -> None:
        super().__init__()
        margin = convolutions.margin(max(KERNEL_SIZES))  # of both paths, so that their maps match
        self.paths = nn.ModuleList(
            nn.Sequential(
                convolutions.convolution(channels, channels, kernel, stride=stride, groups=groups, margin=margin),
                norm_layer(norm, channels),
                nn.ReLU(inplace=True),
            )
            for kernel in KERNEL_SIZES
        )
        squeezed = max(channels // REDUCTION, MIN_SQUEEZED)
        self.squeeze = nn.Linear(channels, squeezed, bias=False)
        self.norm = norm_layer(norm, squeezed)
        self.excite = nn.ModuleList(nn.Linear(squeezed, channels, bias=False) for _ in KERNEL_SIZES)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        """V of equation 1."""
        maps_3, maps_5 = (path(x) for path in self.paths)
        pooled = maps_3.mean(dim=(2, 3)) + maps_5.mean(dim=(2, 3))
        attention = self.attention(pooled).to(maps_3.dtype)[..., None, None]
        return torch.addcmul(maps_3 * attention[0], maps_5, attention[1])

    def attention(self, pooled: Float[Tensor, "n c"]) -> Float[Tensor, "2 n c"]:
        """The weight of each kernel in each channel; they sum to 1 over the kernels."""
        z = F.relu(self._normalize(self.squeeze(pooled)[..., None, None])[..., 0, 0])
        return torch.stack([excite(z) for excite in self.excite]).softmax(dim=0)

    def _normalize(self, squeezed: Float[Tensor, "n d 1 1"]) -> Float[Tensor, "n d 1 1"]:
        norm = self.norm
        if self.training and len(squeezed) == 1 and isinstance(norm, nn.BatchNorm2d):  # one value has no deviation
            return F.batch_norm(squeezed, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
        normalized: Tensor = norm(squeezed)
        return normalized
