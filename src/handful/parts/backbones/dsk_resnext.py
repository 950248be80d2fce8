"""Dual selective kernel ResNeXt of VIPF, section 3.1 ("A visual inductive priors framework", anonymous, ECCV 2020).

ResNeXt (Xie et al. 2017, https://arxiv.org/abs/1611.05431) with three changes, each an option: two residual branches of
which training uses one (`dual`, equation 2), a selective kernel unit in place of the 3x3 convolution (`selective`,
equation 1) and blurred down-sampling (`anti_alias`). The networks of the paper's ablation:

| network | dual | selective | anti_alias |
|---|---|---|---|
| ResNeXt | false | false | false |
| D-ResNeXt | true | false | false |
| SK-ResNeXt without, with anti-aliasing | false | true | false, true |
| DSK-ResNeXt | true | true | true |

The paper is silent on whether D-ResNeXt is anti-aliased; its row precedes anti-aliasing, so we take it as not. Maps end
on a ReLU: a linear head takes `norm = "none"`.

In inference both branches are computed, at twice the cost of one. Without selective kernels they can be merged into one
bottleneck of twice the width and groups: the 1x1 and grouped convolutions side by side, the last norms folded in with a
half each, which has as many operations. With selective kernels, whose attention is each branch's own, they cannot be
merged. `python -m bench vipf-cost` compares the two.
"""

from typing import Literal

from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.models.norm import NormName, choose_norm
from handful.parts.backbones._convolution import ConvolutionFactory, ConvolutionKind, HarmonicConv2d, Padding
from handful.parts.backbones._dual_branch import LambdaPer
from handful.parts.backbones._resnext_block import BlockConfig, ResidualBlock, Stem, make_stem
from handful.parts.backbones._weights import load_checkpoint, refuse_large

FOUR_STAGES = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}  # blocks of each stage by depth
EXPANSION = 4


def blocks_per_stage(depth: int) -> tuple[int, ...]:
    """Blocks of each stage: four stages for 50 and 101, three for the small networks of depth 9 n + 2 (11, 20, ...).

    Raises:
        ValueError: no such depth.
    """
    if depth in FOUR_STAGES:
        return FOUR_STAGES[depth]
    if depth < 11 or (depth - 2) % 9:
        raise ValueError(f"depth must be 50, 101 or 9 n + 2 (11, 20, 29, ...), not {depth}")
    return ((depth - 2) // 9,) * 3


def check_choices(grouped: str, draw: str, stem: str | None) -> None:
    """Check the options `grouped`, `draw` and `stem`.

    Raises:
        ValueError: one of them is unknown.
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
    draw: LambdaPer = "batch",
    stem: Stem | None = None,
    norm: NormName = "batch",
    convolution: ConvolutionKind = "plain",
    harmonics: int | None = None,
    padding: Padding = "same",
    weights: str | None = None,
) -> Backbone:
    """DSK-ResNeXt-`depth`, `groups` x `base_width`d.

    Args:
        context: the number of training images, for norm "auto".
        depth: number of layers: the paper's 50 or 101; or 9 n + 2 (11, 20, 29, ...), three stages for small images, as
            Xie et al. use on CIFAR.
        groups: groups of the spatial convolution, 1 or more.
        base_width: channels per group at `width` 64; other stages and widths have proportionally many.
        width: channels of the stem. Stage i, from 0, ends with 4 x `width` x 2 ** i channels.
        dual: two residual branches.
        selective: a selective kernel unit in place of the 3x3 convolution.
        anti_alias: blurred down-sampling.
        grouped: "grouped", or "depthwise": one group per channel, whatever `groups` is (`groups` and `base_width` still
            decide the channels). The paper calls the spatial convolutions depthwise and the network 32x4d; we group.
        draw: one lambda for each "batch" or for each "image". The paper's equation 2 indexes lambda by the block alone,
            so the default is "batch".
        stem: "imagenet" reduces the image by 4, "small" keeps its size. None: "imagenet" for depth 50 and 101.
        norm: "batch", the paper's, "group", "none", or "auto" by the number of images (see `handful.models.norm`).
        convolution: "plain" or "harmonic" kernels (see `_convolution`).
        harmonics: keep the DCT filters of harmonic kernels with u + v below it, 1 or more; None: all.
        padding: "same", or "full", whose maps are larger than the image (for heads that pool).
        weights: initialize from a checkpoint file, or from the folder of a saved classifier with this backbone.

    Raises:
        ValueError: an option is out of range.
        WeightsError: the checkpoint cannot be read, or is of another network.
    """
    blocks = blocks_per_stage(depth)
    hidden = [width * 2**i * base_width // 64 * groups for i in range(len(blocks))]
    if groups < 1 or width < 1 or hidden[0] < 1:
        raise ValueError(f"width x base_width must be at least 64, with a group, not {width} x {base_width}, {groups}")
    check_choices(grouped, draw, stem)
    outs = [EXPANSION * width * 2**i for i in range(len(blocks))]
    refuse_large(
        sum(n * inner * (2 * out + 9 * inner // groups) for n, inner, out in zip(blocks, hidden, outs, strict=True))
    )
    config = BlockConfig(
        dual=dual,
        selective=selective,
        anti_alias=anti_alias,
        groups=groups if grouped == "grouped" else None,
        lambda_per=draw,
        norm=choose_norm(norm, context.task),
        convolutions=ConvolutionFactory(convolution, padding, harmonics),
    )
    kind: Stem = stem or ("imagenet" if depth in FOUR_STAGES else "small")
    layers, channels, stride = [make_stem(width, kind, config)], width, 4 if kind == "imagenet" else 1
    for i, (count, inner) in enumerate(zip(blocks, hidden, strict=True)):
        out, stage_stride = EXPANSION * width * 2**i, 1 if i == 0 else 2
        stage = [ResidualBlock(channels, inner, out, stride=stage_stride, config=config)]
        stage += [ResidualBlock(out, inner, out, stride=1, config=config) for _ in range(count - 1)]
        layers.append(nn.Sequential(*stage))
        channels, stride = out, stride * stage_stride
    network = config.convolutions.sequential(*layers)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | HarmonicConv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if weights is not None:
        load_checkpoint(weights, network, network, rename=str)
    return Backbone(network, channels, stride)
