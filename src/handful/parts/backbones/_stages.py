"""A feature extractor as a sequence of stages, with frozen first stages and a choice of output maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.tensors import Backbone

Freeze = Literal["none", "stem", "all"] | int
KEEPS_INPUT = (nn.ReLU6, nn.SiLU, nn.Hardswish)  # their gradient needs the input: in place, autograd clones it first


@dataclass(frozen=True, eq=False)
class StageOutput:
    """A stage, with the channels of its output maps and their stride relative to the image."""

    module: nn.Module
    channels: int
    stride: int


class Stages(nn.Module):
    """Consecutive stages; the first `freeze` of them are not trained and stay in evaluation mode.

    `forward(x)` is `rest(frozen(x))`. The output of `frozen` for an image that is not augmented never changes, so a
    training loop may cache it: `frozen` runs the first `split` stages, none when `split` is 0.

    Args:
        outputs: the stages in order.
        freeze: number of frozen stages.
        out_indices: stages whose maps are the output, concatenated along channels at the size of the first of them.
    """

    def __init__(self, outputs: Sequence[StageOutput], *, freeze: int, out_indices: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(output.module for output in outputs)
        self.freeze = freeze
        self.scale_factors = {i: outputs[i].stride // outputs[out_indices[0]].stride for i in out_indices}
        self.split = freeze if freeze == len(outputs) else min(freeze, out_indices[0] + 1)
        for stage in self.stages[:freeze]:
            stage.requires_grad_(False)
        self.in_place = [m for m in self.modules() if isinstance(m, KEEPS_INPUT) and m.inplace]
        self.train(self.training)

    def train(self, mode: bool = True) -> "Stages":
        """Training mode for the stages that are not frozen; the frozen ones keep evaluation mode.

        Activations whose input would be cloned are computed in place in evaluation mode only.
        """
        super().train(mode)
        for stage in self.stages[: self.freeze]:
            stage.eval()
        for activation in self.in_place:
            activation.inplace = not activation.training
        return self

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Normalized images to maps."""
        return self.rest(self.frozen(x))

    def frozen(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Output of the frozen stages for normalized images; the images themselves when none is frozen."""
        return self._run(x, 0, self.split)

    def rest(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """From the output of `frozen` to the maps."""
        return self._run(x, self.split, len(self.stages))

    def _run(self, x: Tensor, start: int, stop: int) -> Tensor:
        if start == stop:
            return x
        maps = [x] if start - 1 in self.scale_factors else []
        for i in range(start, stop):
            x = self.stages[i](x)
            if i in self.scale_factors:
                maps.append(x)
        return self._concatenate(maps) if stop == len(self.stages) else x

    def _concatenate(self, maps: list[Tensor]) -> Tensor:
        h, w = maps[0].shape[-2:]
        for i, scale_factor in enumerate(self.scale_factors.values()):
            if scale_factor > 1:
                larger = F.interpolate(maps[i], scale_factor=scale_factor, mode="bilinear", align_corners=False)
                # The last row of a coarser map may reach beyond the image, or not quite to its end.
                right, bottom = max(0, w - larger.shape[-1]), max(0, h - larger.shape[-2])
                maps[i] = F.pad(larger, (0, right, 0, bottom), mode="replicate")[..., :h, :w]
        return torch.cat(maps, dim=1) if len(maps) > 1 else maps[0]


def assemble(
    outputs: Sequence[StageOutput],
    *,
    stride: int | None,
    fuse: bool,
    freeze: Freeze,
    mean: Sequence[float],
    std: Sequence[float],
) -> Backbone:
    """A backbone of consecutive stages.

    Args:
        outputs: the stages in order.
        stride: pixels per map cell: it ends at the last stage with this stride; None: at the last stage.
        fuse: run all stages, and concatenate the last maps of each larger stride, enlarged, to those at `stride`.
        freeze: as in `count_frozen_stages`.
        mean: of the images' normalization, for each color channel.
        std: of the images' normalization, for each color channel.

    Raises:
        ValueError: the network has no map at this stride, or fewer stages than `freeze`.
    """
    strides = [output.stride for output in outputs]
    out_stride = strides[-1] if stride is None else stride
    if out_stride not in strides:
        raise ValueError(f"stride must be one of {sorted(set(strides))}, not {stride}")
    last = {s: i for i, s in enumerate(strides) if s >= out_stride}
    out_indices = sorted(last.values()) if fuse else [last[out_stride]]
    outputs = outputs[: out_indices[-1] + 1]
    network = Stages(outputs, freeze=count_frozen_stages(freeze, len(outputs)), out_indices=out_indices)
    channels = sum(outputs[i].channels for i in out_indices)
    return Backbone(network, channels, out_stride, _rgb(mean), _rgb(std))


def count_frozen_stages(freeze: Freeze, count: int) -> int:
    """The number of frozen stages.

    Args:
        freeze: "none", "stem" (the first stage), "all", or a number.
        count: number of stages.

    Raises:
        ValueError: `freeze` is none of these.
    """
    named = {"none": 0, "stem": 1, "all": count}
    number = named.get(freeze) if isinstance(freeze, str) else freeze
    if number is None or not 0 <= number <= count:
        raise ValueError(f'freeze must be "none", "stem", "all" or 0 to {count} stages, not {freeze!r}')
    return number


def _rgb(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return float(red), float(green), float(blue)
