"""The stages of a frozen backbone with what is learnt beside it."""

from collections.abc import Sequence
from typing import Any

from handful.parts.backbones._adaptation import ADAPTER, LORA, PROMPTS, AdaptationOptions, add_adapters, add_lora
from handful.parts.backbones._prompts import add_prompts
from handful.parts.backbones._stages import StageOutput


def adapt_stages(
    stages: Sequence[StageOutput], options: AdaptationOptions, net: Any, *, frozen: int
) -> list[StageOutput]:
    """Freeze all stages, and adapt those behind the first `frozen`.

    Args:
        stages: of the backbone.
        options: how they are adapted.
        net: the model that they were split from.
        frozen: number of stages that are left as they are.

    Raises:
        ValueError: every stage is frozen.
    """
    if frozen == len(stages):
        raise ValueError(f"adapt = {options.adapt!r} adapts the stages that are not frozen, and freeze leaves none")
    for stage in stages:
        stage.module.requires_grad_(False)
    if options.adapt in PROMPTS:
        return add_prompts(stages, options, net, first=max(1, frozen), width=int(net.embed_dim))
    for stage in stages[frozen:]:
        if options.adapt == LORA:
            add_lora(stage.module, options)
        if options.adapt == ADAPTER:
            add_adapters(stage.module, options)
    return list(stages)
