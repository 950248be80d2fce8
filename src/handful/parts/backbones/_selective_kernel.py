"""Selective kernel unit, Li et al. 2019, https://arxiv.org/abs/1903.06586; VIPF paper, section 3.1 and equation 1.

Two convolutions of kernel 3 and 5 over the whole input, each with norm and ReLU, are summed with weights per channel:
a softmax over the two of what two linear maps make of the squeezed, normalised spatial mean.

timm's `SelectiveKernel(keep_3x3=False, split_input=False, groups=..., rd_channels=max(C // 16, 32))` computes the same,
and the tests hold us to it. (Its defaults do not: `keep_3x3` makes the 5 a dilated 3, `split_input` gives each kernel
half of the channels, `rd_ratio` squeezes below the published floor of 32.) Ours exists because timm's fixes batch norm
in the attention and plain convolutions with "same" padding in the paths, and its batch norm cannot train on one image.

The VIPF paper prints a squeezed feature of C values; we squeeze to max(C / 16, 32) as the unit's own paper does.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.models.norm import NormName, norm_layer
from handful.parts.backbones._convolution import Convolutions

KERNELS = (3, 5)
REDUCTION, FLOOR = 16, 32


class SelectiveKernel(nn.Module):
    """C channels to C channels, `stride` times smaller."""

    def __init__(self, channels: int, *, stride: int, groups: int, norm: NormName, convolutions: Convolutions) -> None:
        super().__init__()
        margin = convolutions.margin(max(KERNELS))  # of both paths, so that their maps match
        self.paths = nn.ModuleList(
            nn.Sequential(
                convolutions.make(channels, channels, kernel, stride=stride, groups=groups, margin=margin),
                norm_layer(norm, channels),
                nn.ReLU(inplace=True),
            )
            for kernel in KERNELS
        )
        hidden = max(channels // REDUCTION, FLOOR)
        self.squeeze = nn.Linear(channels, hidden, bias=False)
        self.norm = norm_layer(norm, hidden)
        self.excite = nn.ModuleList(nn.Linear(hidden, channels, bias=False) for _ in KERNELS)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        """V of equation 1."""
        narrow, wide = (path(x) for path in self.paths)
        weights = self.weights(narrow.mean(dim=(2, 3)) + wide.mean(dim=(2, 3))).to(narrow.dtype)[..., None, None]
        return torch.addcmul(narrow * weights[0], wide, weights[1])

    def weights(self, pooled: Float[Tensor, "n c"]) -> Float[Tensor, "2 n c"]:
        """The share of each kernel; they sum to 1."""
        hidden = F.relu(self._normalise(self.squeeze(pooled)[..., None, None])[..., 0, 0])
        return torch.stack([excite(hidden) for excite in self.excite]).softmax(dim=0)

    def _normalise(self, hidden: Float[Tensor, "n d 1 1"]) -> Float[Tensor, "n d 1 1"]:
        norm = self.norm
        if self.training and len(hidden) == 1 and isinstance(norm, nn.BatchNorm2d):  # one value has no deviation
            return F.batch_norm(hidden, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
        normalised: Tensor = norm(hidden)
        return normalised
