"""How a network's convolutions are made: plain or harmonic, with "same" or "full" padding.

Harmonic: a kernel is a learned sum of the filters of a discrete cosine transform (Ulicny, Krylov and Dahyot 2019,
https://arxiv.org/abs/1905.00135; 2022, https://arxiv.org/abs/2001.06570). The filters are orthonormal, so with all of
them kept a harmonic layer is a plain one in rotated coordinates: the same functions, the same initial distribution,
and under SGD with weight decay the same path. What changes a network is leaving high frequencies out (`harmonics`), and
the batch norm over the responses of the first layer, where images would let the constant filter decide.

Full: k - 1 zeros are put around the maps, so that every tap of a kernel meets every pixel and no layer can tell where
the border is (Kayhan and van Gemert 2020, https://arxiv.org/abs/2003.07064). Maps grow by k - 1 in each layer, and a
shortcut is padded to match. Pools and blurs, which learn nothing, stay as they are.

Measured (python -m bench vipf-whole, WRN-16-2, 50 images a class): with the lower six of nine filters +5.1 points (0.1
to 10.2) on ten classes of CIFAR-100 and +1.5 on mini-ImageNet, with all nine +2.9 and -2.0. Full padding: -5.1 on
CIFAR-100.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Kind = Literal["plain", "harmonic"]
Padding = Literal["same", "full"]


def dct_filters(side: int, harmonics: int | None = None) -> Float[Tensor, "f s s"]:
    """The filters of the orthonormal two-dimensional DCT-II, those with u + v < `harmonics` (None: all side ** 2)."""
    at = (np.arange(side) + 0.5) * np.pi / side
    rows = np.cos(np.arange(side)[:, None] * at) * np.sqrt(2 / side)
    rows[0] /= np.sqrt(2)
    kept = [(u, v) for u in range(side) for v in range(side) if harmonics is None or u + v < harmonics]
    return torch.tensor(np.stack([np.outer(rows[u], rows[v]) for u, v in kept]), dtype=torch.float32)


def check_words(kind: str, padding: str) -> None:
    """Refuse words that are not among an option's.

    Raises:
        ValueError: names them.
    """
    if kind not in ("plain", "harmonic") or padding not in ("same", "full"):
        raise ValueError(f"convolution is plain or harmonic and padding same or full, not {kind} and {padding}")


class Harmonic(nn.Module):
    """A convolution whose `weight` [out, channels / groups, f] is over the DCT filters.

    The filters and the weights are linear, so the kernel is composed first and one convolution does both. With
    `standardise` there is a batch norm between the two.
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
        standardise: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.padding, self.groups, self.channels = stride, padding, groups, channels
        filters = dct_filters(kernel, harmonics)
        self.register_buffer("filters", filters, persistent=False)
        self.weight = nn.Parameter(torch.empty(out, channels // groups, len(filters)))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.bias = nn.Parameter(torch.zeros(out)) if bias else None
        self.norm = nn.BatchNorm2d(channels * len(filters), affine=False) if standardise else None

    def kernel(self) -> Float[Tensor, "d c s s"]:
        """The plain convolution's weight, composed in single precision."""
        with torch.autocast(self.weight.device.type, enabled=False):
            return torch.einsum("dcf,fij->dcij", self.weight, self.filters)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        """Feature maps, `stride` times smaller."""
        if self.norm is None:
            return F.conv2d(x, self.kernel(), self.bias, self.stride, self.padding, groups=self.groups)
        each = self.filters[:, None].repeat(self.channels, 1, 1, 1)
        responses = self.norm(F.conv2d(x, each, None, self.stride, self.padding, groups=self.channels))
        return F.conv2d(responses, self.weight.flatten(1)[..., None, None], self.bias, groups=self.groups)


class Layers(nn.Sequential):
    """Layers one after the other. `grows`: the maps are larger than the image, which only heads that pool can take."""

    grows = False


@dataclass(frozen=True)
class Convolutions:
    """Makes the convolutions of one network. `harmonics` is as in `dct_filters`."""

    kind: Kind = "plain"
    padding: Padding = "same"
    harmonics: int | None = None

    def __post_init__(self) -> None:
        """Refuse what does not exist.

        Raises:
            ValueError: an unknown kind or padding, or frequencies of a plain convolution.
        """
        check_words(self.kind, self.padding)
        if self.harmonics is not None and (self.kind == "plain" or self.harmonics < 1):
            raise ValueError(f"harmonics is a number from 1, of harmonic convolutions, not {self.harmonics}")

    def margin(self, kernel: int) -> int:
        """By how many cells a layer with this kernel grows its maps on each side."""
        return kernel // 2 if self.padding == "full" else 0

    def make(
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
        """A convolution with an odd kernel; `margin` None: its own. `first`: its input are images."""
        padding = kernel // 2 + (self.margin(kernel) if margin is None else margin)
        if self.kind == "plain" or kernel == 1:
            return nn.Conv2d(channels, out, kernel, stride=stride, padding=padding, groups=groups, bias=bias)
        return Harmonic(
            channels,
            out,
            kernel,
            stride=stride,
            padding=padding,
            groups=groups,
            bias=bias,
            harmonics=self.harmonics,
            standardise=first,
        )

    def layers(self, *modules: nn.Module) -> Layers:
        """A network of these modules, which says whether it grows its maps."""
        network = Layers(*modules)
        network.grows = self.padding == "full"
        return network


def widen(x: Float[Tensor, "n c h w"], margin: int) -> Float[Tensor, "n c h2 w2"]:
    """Zeros around the maps: a shortcut beside layers that grow them."""
    return F.pad(x, (margin, margin, margin, margin)) if margin else x
