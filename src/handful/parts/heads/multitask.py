"""Multi-task head, the CvS paper's second baseline: one branch segments, another classifies (section V-B).

Its class scores come from the linear branch alone. The paper gives neither kernels nor widths: a transposed convolution
has a kernel of twice its stride, as in the segmentation head, and the hidden maps of the second form have 256 channels.
"""

from dataclasses import replace
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone, Output
from handful.models.norm import NormName, choose_norm, norm_layer
from handful.parts.heads._pooling import Compare, check_maps, pooled_output
from handful.parts.heads.linear import Linear
from handful.parts.heads.segmentation import Up, to_size, upsample

segments = True
multilabel = True
class_weights = True
Form = Literal["wide_resnet", "resnet"]


class Multitask(nn.Module):
    """Two branches on the same maps."""

    def __init__(self, segment: nn.Module, classify: nn.Module) -> None:
        super().__init__()
        self.segment, self.classify = segment, classify

    def forward(self, maps: Float[Tensor, "n c h w"], *, size: tuple[int, int], compare: Compare) -> Output:
        """Embedding and class logits from the linear branch, pixel scores from the other."""
        output: Output = self.classify(maps, size=size, compare=compare)
        scores = to_size(self.segment(maps), size)
        return replace(output, pixels=pooled_output(scores, output.features, compare, "logits").pixels)


def build(
    context: Context,
    *,
    backbone: Backbone,
    form: Form = "wide_resnet",
    hidden: int = 256,
    dropout: float = 0.0,
    norm: NormName = "batch",
    up: Up = "transposed",
) -> nn.Module:
    """The two-headed network.

    Args:
        context: gives the embedding's size.
        backbone: what the maps come from.
        form: "wide_resnet": BN-ReLU-ConvTranspose beside BN-ReLU-average pool-linear. "resnet": three ConvTranspose
            that share the backbone's stride, ReLU and BN after the first two, beside average pool-linear.
        hidden: channels between the three.
        dropout: before the linear layer.
        norm: "batch", as the paper, "group", or "auto" by the number of images; "none" leaves the norms out.
        up: as the segmentation head's, for the form "wide_resnet".

    Raises:
        ValueError: unknown form or way up, or no channels.
        RecipeError: the backbone's maps reach beyond the image.
    """
    check_maps(backbone)
    channels, stride, size = backbone.channels, backbone.stride, context.labels.size
    norm = choose_norm(norm, context.task)
    if form not in ("wide_resnet", "resnet") or hidden < 1:
        raise ValueError(f"form must be wide_resnet or resnet with hidden channels, not {form!r} with {hidden}")
    if form == "wide_resnet":
        segment = nn.Sequential(norm_layer(norm, channels), nn.ReLU(), upsample(channels, size + 1, stride, up))
        classify = Linear(channels, size, norm=norm, dropout=dropout)
    else:
        first, second, third = three_factors(stride)
        segment = nn.Sequential(
            upsample(channels, hidden, first),
            nn.ReLU(),
            norm_layer(norm, hidden),
            upsample(hidden, hidden, second),
            nn.ReLU(),
            norm_layer(norm, hidden),
            upsample(hidden, size + 1, third),
        )
        classify = Linear(channels, size, norm="none", dropout=dropout)
    return Multitask(segment, classify)


def three_factors(stride: int) -> tuple[int, int, int]:
    """Three whole numbers whose product is `stride`, as even as its prime factors allow, largest first."""
    factors, rest, prime = [1, 1, 1], stride, 2
    primes: list[int] = []
    while rest > 1:
        while rest % prime == 0:
            primes.append(prime)
            rest //= prime
        prime += 1
    for prime in reversed(primes):
        factors[factors.index(min(factors))] *= prime
    first, second, third = sorted(factors, reverse=True)
    return first, second, third
