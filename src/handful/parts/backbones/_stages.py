"""A feature extractor as consecutive stages: which of them learn, and which of their maps come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.tensors import Backbone

Freeze = Literal["none", "stem", "all"] | int


@dataclass(frozen=True, eq=False)
class StageOutput:
    """One stage: maps in, maps out, with their number of channels and their stride to the image."""

    module: nn.Module
    channels: int
    stride: int


class Stages(nn.Module):
    """Stages run one after the other; the first `freeze` of them never learn and stay in evaluation mode.

    `forward(x)` is `rest(frozen(x))`. What `frozen` gives for an image that is not augmented never changes, so a
    training loop may keep it: `frozen` runs the first `split` stages, and costs nothing when `split` is 0.
    `taps` are the stages whose maps come out, joined along channels at the size of the first of them.
    """

    def __init__(self, levels: Sequence[StageOutput], *, freeze: int, taps: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(level.module for level in levels)
        self.freeze = freeze
        self.zooms = {tap: levels[tap].stride // levels[taps[0]].stride for tap in taps}
        self.split = freeze if freeze == len(levels) else min(freeze, taps[0] + 1)
        for stage in self.stages[:freeze]:
            stage.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Stages":
        """Training mode for the stages that learn: statistics and dropout of the frozen ones stay still."""
        super().train(mode)
        for stage in self.stages[: self.freeze]:
            stage.eval()
        return self

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Normalised images to maps."""
        return self.rest(self.frozen(x))

    def frozen(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h2 w2"]:
        """What the frozen stages make of normalised images; the images themselves when none is frozen."""
        return self._run(x, 0, self.split)

    def rest(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """From the output of `frozen` to the maps."""
        return self._run(x, self.split, len(self.stages))

    def _run(self, x: Tensor, start: int, stop: int) -> Tensor:
        if start == stop:
            return x
        maps = [x] if start - 1 in self.zooms else []
        for i in range(start, stop):
            x = self.stages[i](x)
            if i in self.zooms:
                maps.append(x)
        return self._join(maps) if stop == len(self.stages) else x

    def _join(self, maps: list[Tensor]) -> Tensor:
        h, w = maps[0].shape[-2:]
        for i, zoom in enumerate(self.zooms.values()):
            if zoom > 1:
                larger = F.interpolate(maps[i], scale_factor=zoom, mode="bilinear", align_corners=False)
                # The last row of a coarser map may reach beyond the image, or not quite to its end.
                right, below = max(0, w - larger.shape[-1]), max(0, h - larger.shape[-2])
                maps[i] = F.pad(larger, (0, right, 0, below), mode="replicate")[..., :h, :w]
        return torch.cat(maps, dim=1) if len(maps) > 1 else maps[0]


def assemble(
    levels: Sequence[StageOutput],
    *,
    stride: int | None,
    fuse: bool,
    freeze: Freeze,
    mean: Sequence[float],
    std: Sequence[float],
) -> Backbone:
    """A backbone that ends at the last stage with `stride` (None: the network's own).

    With `fuse`, all stages run, and the last map at each stride from `stride` on is enlarged and joined to it.

    Raises:
        ValueError: the network has no map at this stride, or fewer stages than `freeze`.
    """
    own = [level.stride for level in levels]
    want = own[-1] if stride is None else stride
    if want not in own:
        raise ValueError(f"stride must be one of {sorted(set(own))}, not {stride}")
    last = {s: i for i, s in enumerate(own) if s >= want}
    taps = sorted(last.values()) if fuse else [last[want]]
    levels = levels[: taps[-1] + 1]
    network = Stages(levels, freeze=frozen_stages(freeze, len(levels)), taps=taps)
    channels = sum(levels[tap].channels for tap in taps)
    return Backbone(network, channels, want, _three(mean), _three(std))


def frozen_stages(freeze: Freeze, count: int) -> int:
    """How many stages stay as they are: "none", "stem" (the first), "all", or a number.

    Raises:
        ValueError: it is none of these.
    """
    known = {"none": 0, "stem": 1, "all": count}
    number = known.get(freeze) if isinstance(freeze, str) else freeze
    if number is None or not 0 <= number <= count:
        raise ValueError(f'freeze must be "none", "stem", "all" or 0 to {count} stages, not {freeze!r}')
    return number


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return float(red), float(green), float(blue)
