"""Dual selective kernel ResNeXt of VIPF, section 3.1 ("A visual inductive priors framework", anonymous, ECCV 2020).

ResNeXt (Xie et al. 2017, https://arxiv.org/abs/1611.05431) with three changes, each a switch: two residual branches of
which training takes one (`dual`, equation 2), a selective kernel unit for the 3x3 convolution (`selective`, equation
1) and blurred down-sampling (`anti_alias`). The paper's ladder:

| network | dual | selective | anti_alias |
|---|---|---|---|
| ResNeXt | false | false | false |
| D-ResNeXt | true | false | false |
| SK-ResNeXt without, with anti-aliasing | false | true | false, true |
| DSK-ResNeXt | true | true | true |

The paper does not say whether D-ResNeXt is anti-aliased; its row comes before anti-aliasing does, so: no. Maps end on a
ReLU: a linear head takes `norm = "none"`.

In inference both branches run, at twice the cost of one. Without selective kernels they are one bottleneck of twice
the width and groups (their 1x1 and grouped convolutions side by side, the last norms folded in with a half each), which
has as many operations. On a CPU folding the norms, as every exporter does, is worth 8 to 12 % at the paper's size and a
third at the small one; merging the branches besides, within 3 % of nothing there and a quarter or more here. With
selective kernels, whose attention is each branch's own, they cannot be merged, so they stay two (python -m bench
vipf-cost).

Measured (python -m bench vipf-ladder): on ten classes of CIFAR-100 with 50 images each and 60 epochs, two branches cost
11 points of 47 (selective kernels: +2.5). They are not trained to their end by then: D-ResNeXt has 46 % of its training
images right, ResNeXt 77 %. One lambda for each image did better than one for the batch on one development draw, 39.2 to
34.8, and both badly beside ResNeXt's 49.0. Long training is what they need: with 20 images each, from 90 to 360 epochs
DSK-ResNeXt goes from 31.1 to 43.7 and ResNeXt from 38.3 to 42.2 (python -m bench vipf-epochs).
"""

from typing import Literal

from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.models.norm import NormName, choose_norm
from handful.parts.backbones._convolution import Convolutions, Harmonic, Kind, Padding
from handful.parts.backbones._dsk import Block, Design, Stem, make_stem
from handful.parts.backbones._shake import Draw
from handful.parts.backbones._weights import load_checkpoint

LARGE = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
EXPANSION = 4


def blocks_of(depth: int) -> tuple[int, ...]:
    """Blocks per stage: four stages for 50 and 101, three for the small networks of depth 9 n + 2 (11, 20, 29, ...).

    Raises:
        ValueError: no such depth.
    """
    if depth in LARGE:
        return LARGE[depth]
    if depth < 11 or (depth - 2) % 9:
        raise ValueError(f"depth must be 50, 101 or 9 n + 2 (11, 20, 29, ...), not {depth}")
    return ((depth - 2) // 9,) * 3


def check_words(grouped: str, draw: str, stem: str | None) -> None:
    """Refuse words that are not among an option's.

    Raises:
        ValueError: names them.
    """
    if grouped not in ("grouped", "depthwise") or draw not in ("batch", "image"):
        raise ValueError(f"grouped is grouped or depthwise and draw batch or image, not {grouped} and {draw}")
    if stem not in (None, "imagenet", "small"):
        raise ValueError(f"stem must be imagenet or small, not {stem!r}")


def build(
    context: Context,
    *,
    depth: int = 50,
    groups: int = 32,
    base_width: int = 4,
    width: int = 64,
    dual: bool = True,
    selective: bool = True,
    anti_alias: bool = True,
    grouped: Literal["grouped", "depthwise"] = "grouped",
    draw: Draw = "batch",
    stem: Stem | None = None,
    norm: NormName = "batch",
    convolution: Kind = "plain",
    harmonics: int | None = None,
    padding: Padding = "same",
    weights: str | None = None,
) -> Backbone:
    """DSK-ResNeXt-`depth`, `groups` x `base_width`d.

    Args:
        context: decides "auto" norm.
        depth: 50 or 101, the paper's; or 9 n + 2, three stages for small images, as Xie et al. use on CIFAR.
        groups: of the spatial convolution.
        base_width: channels per group at `width` 64; the other stages and widths have them in proportion.
        width: channels of the stem. Stage i gives 4 x `width` x 2 ** i.
        dual: two branches.
        selective: kernels 3 and 5 for the kernel 3.
        anti_alias: blur where maps get smaller.
        grouped: the paper calls the spatial convolutions depthwise and the network 32x4d; "depthwise" has a group for
            each channel, whatever `groups` says (which, with `base_width`, still decides the channels).
        draw: lambda for each "batch" or "image". Equation 2 gives it the index of the block alone, so: batch.
        stem: "imagenet" divides by 4, "small" by 1. None: the former for 50 and 101.
        norm: "batch" as the paper, "group", or "auto" by the number of images (see `handful.models.norm`).
        convolution: "plain" or "harmonic" kernels (see `_convolution`).
        harmonics: keep the DCT filters with u + v below it; None: all.
        padding: "same", or "full" for maps without a border (for heads that pool).
        weights: start from a checkpoint file, or from the folder of a saved classifier with this backbone.

    Raises:
        ValueError: an option is out of range.
        WeightsError: the checkpoint cannot be read, or is another network's.
    """
    blocks = blocks_of(depth)
    hidden = [width * 2**i * base_width // 64 * groups for i in range(len(blocks))]
    if groups < 1 or width < 1 or hidden[0] < 1:
        raise ValueError(f"width x base_width must be at least 64, with a group, not {width} x {base_width}, {groups}")
    check_words(grouped, draw, stem)
    design = Design(
        dual=dual,
        selective=selective,
        anti_alias=anti_alias,
        groups=groups if grouped == "grouped" else None,
        draw=draw,
        norm=choose_norm(norm, context.task),
        convolutions=Convolutions(convolution, padding, harmonics),
    )
    kind: Stem = stem or ("imagenet" if depth in LARGE else "small")
    layers, channels, stride = [make_stem(width, kind, design)], width, 4 if kind == "imagenet" else 1
    for i, (count, inner) in enumerate(zip(blocks, hidden, strict=True)):
        out, step = EXPANSION * width * 2**i, 1 if i == 0 else 2
        stage = [Block(channels, inner, out, stride=step, design=design)]
        stage += [Block(out, inner, out, stride=1, design=design) for _ in range(count - 1)]
        layers.append(nn.Sequential(*stage))
        channels, stride = out, stride * step
    network = design.convolutions.layers(*layers)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | Harmonic):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if weights is not None:
        load_checkpoint(weights, network, network, rename=str)
    return Backbone(network, channels, stride)
