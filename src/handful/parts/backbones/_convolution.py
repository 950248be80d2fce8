"""Convolutions of a network: plain or harmonic kernels, "same" or "full" padding.

Harmonic: a kernel is a learned linear combination of the filters of a discrete cosine transform (Ulicny, Krylov and
Dahyot 2019, https://arxiv.org/abs/1905.00135; 2022, https://arxiv.org/abs/2001.06570). The filters are orthonormal, so
with all of them a harmonic layer is a plain one in rotated coordinates: the same functions, the same distribution at
initialization, and under SGD with weight decay the same trajectory. What changes a network is leaving out high
frequencies (`harmonics`), and the batch norm over the responses of the first layer, where the constant filter would
otherwise dominate.

Full: k - 1 zeros are added around the maps, so that every weight of a kernel meets every pixel and no layer can detect
the border (Kayhan and van Gemert 2020, https://arxiv.org/abs/2003.07064). Maps grow by k - 1 in each layer, and
shortcuts are padded to match. Pooling and blur layers, which learn nothing, are unchanged.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

ConvolutionKind = Literal["plain", "harmonic"]
Padding = Literal["same", "full"]


def dct_filters(side: int, harmonics: int | None = None) -> Float[Tensor, "f s s"]:
    """The filters of the orthonormal two-dimensional DCT-II.

    Args:
        side: of the square kernel, in pixels.
        harmonics: keep the filters with frequencies u + v below it; None: all side ** 2.
    """
    angles = (np.arange(side) + 0.5) * np.pi / side
    rows = np.cos(np.arange(side)[:, None] * angles) * np.sqrt(2 / side)
    rows[0] /= np.sqrt(2)
    frequencies = [(u, v) for u in range(side) for v in range(side) if harmonics is None or u + v < harmonics]
    return torch.tensor(np.stack([np.outer(rows[u], rows[v]) for u, v in frequencies]), dtype=torch.float32)


def check_choices(kind: str, padding: str) -> None:
    """Check the options `convolution` and `padding`.

    Raises:
        ValueError: one of them is unknown.
    """
    if kind not in ("plain", "harmonic") or padding not in ("same", "full"):
        raise ValueError(f"convolution is plain or harmonic and padding same or full, not {kind} and {padding}")


class HarmonicConv2d(nn.Module):
    """A convolution whose `weight` [out, channels / groups, f] is over the DCT filters.

    Filters and weights are linear, so the kernel is composed first and applied in one convolution. With `standardize`
    a batch norm without parameters lies between the two.
    """

    filters: Tensor

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int,
        *,
        stride: int,
        padding: int,
        groups: int,
        bias: bool,
        harmonics: int | None = None,
        standardize: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.padding, self.groups, self.channels = stride, padding, groups, channels
        filters = dct_filters(kernel, harmonics)
        self.register_buffer("filters", filters, persistent=False)
        self.weight = nn.Parameter(torch.empty(out, channels // groups, len(filters)))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.bias = nn.Parameter(torch.zeros(out)) if bias else None
        self.norm = nn.BatchNorm2d(channels * len(filters), affine=False) if standardize else None

    def kernel(self) -> Float[Tensor, "d c s s"]:
        """The weight of the equivalent plain convolution, composed in single precision."""
        with torch.autocast(self.weight.device.type, enabled=False):
            return torch.einsum("dcf,fij->dcij", self.weight, self.filters)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        """Feature maps, `stride` times smaller."""
        if self.norm is None:
            return F.conv2d(x, self.kernel(), self.bias, self.stride, self.padding, groups=self.groups)
        depthwise = self.filters[:, None].repeat(self.channels, 1, 1, 1)
        responses = self.norm(F.conv2d(x, depthwise, None, self.stride, self.padding, groups=self.channels))
        return F.conv2d(responses, self.weight.flatten(1)[..., None, None], self.bias, groups=self.groups)


class Layers(nn.Sequential):
    """Consecutive layers. `grows`: the maps are larger than the image, which only heads that pool accept."""

    grows = False


@dataclass(frozen=True)
class ConvolutionFactory:
    """Makes the convolutions of one network.

    Args:
        kind: "plain" or "harmonic" kernels.
        padding: "same" or "full".
        harmonics: the DCT filters of harmonic kernels, as in `dct_filters`.
    """

    kind: ConvolutionKind = "plain"
    padding: Padding = "same"
    harmonics: int | None = None

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: kind or padding is unknown, or harmonics of a plain convolution.
        """
        check_choices(self.kind, self.padding)
        if self.harmonics is not None and (self.kind == "plain" or self.harmonics < 1):
            raise ValueError(f"harmonics must be a number from 1, of harmonic convolutions, not {self.harmonics}")

    def margin(self, kernel: int) -> int:
        """Cells by which a layer with this kernel grows its maps on each side."""
        return kernel // 2 if self.padding == "full" else 0

    def convolution(
        self,
        channels: int,
        out: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
        margin: int | None = None,
        first: bool = False,
    ) -> nn.Module:
        """A convolution.

        Args:
            channels: of the input.
            out: channels of the output.
            kernel: odd side of the kernel.
            stride: as in `torch.nn.Conv2d`.
            groups: as in `torch.nn.Conv2d`.
            bias: as in `torch.nn.Conv2d`.
            margin: cells by which it grows its maps on each side; None: as the padding requires.
            first: whether its input is the image.
        """
        padding = kernel // 2 + (self.margin(kernel) if margin is None else margin)
        if self.kind == "plain" or kernel == 1:
            return nn.Conv2d(channels, out, kernel, stride=stride, padding=padding, groups=groups, bias=bias)
        return HarmonicConv2d(
            channels,
            out,
            kernel,
            stride=stride,
            padding=padding,
            groups=groups,
            bias=bias,
            harmonics=self.harmonics,
            standardize=first,
        )

    def sequential(self, *modules: nn.Module) -> Layers:
        """A network of these modules, marked when it grows its maps."""
        network = Layers(*modules)
        network.grows = self.padding == "full"
        return network


def pad_shortcut(x: Float[Tensor, "n c h w"], margin: int) -> Float[Tensor, "n c h2 w2"]:
    """Zeros around the maps of a shortcut, to match the residual's larger maps."""
    return F.pad(x, (margin, margin, margin, margin)) if margin else x
