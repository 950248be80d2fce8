"""Learnt tokens among those of a frozen vision transformer (visual prompt tuning), static or dynamic."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.parts.backbones._adaptation import AdaptationOptions, Bottleneck
from handful.parts.backbones._stages import StageOutput
from handful.parts.backbones._transformer import Blocks, as_tokens
from handful.parts.backbones._vector import to_maps

PROMPTS, DYNAMIC_PROMPTS, DYNAMIC_BOTTLENECK = 10, 50, 20


class Prompt(nn.Module):
    """Tokens that stand behind a transformer's class and register tokens, from one block on.

    Args:
        prompts: their number.
        width: of a token.
        prefix: number of class and register tokens.
        bound: of the uniform distribution that they start from.
        replaces: takes the place of the prompts of the block before.
    """

    def __init__(self, prompts: int, width: int, *, prefix: int, bound: float, replaces: bool) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.empty(1, prompts, width).uniform_(-bound, bound))
        self.prefix, self.replaces = prefix, replaces

    def forward(self, x: Float[Tensor, "n t c"]) -> Float[Tensor, "n t2 c"]:
        """The tokens with the prompts."""
        rest = x[:, self.prefix + (self.tokens.shape[1] if self.replaces else 0) :]
        prompts = self.tokens.to(x.dtype).expand(x.shape[0], -1, -1)
        return torch.cat([x[:, : self.prefix], prompts, rest], dim=1)


class PromptedBlock(nn.Module):
    """A block, with prompts before it."""

    def __init__(self, block: nn.Module, prompt: Prompt) -> None:
        super().__init__()
        self.block, self.prompt = block, prompt

    def forward(self, x: Float[Tensor, "n t c"], **positions: Any) -> Float[Tensor, "n t2 c"]:
        """Tokens to tokens."""
        y: Tensor = self.block(self.prompt(x), **positions)
        return y


class DynamicMlp(nn.Module):
    """An MLP with a gated bottleneck beside it, which reads prompts that have attended to the image's tokens.

    softmax(P T' / sqrt(c)) T for the prompts P and the other tokens T; the gate starts at 0. The paper's published code
    computes this and then gives the bottleneck the prompts as they were; here it gets what the paper describes. It
    reads the tokens behind the block's norm, as the MLP does.
    """

    def __init__(self, mlp: nn.Module, bottleneck: Bottleneck, gate: nn.Parameter, prompts: int, prefix: int) -> None:
        super().__init__()
        self.mlp = mlp
        self.shared = (bottleneck, gate)  # a tuple: they are parameters of the stage
        self.start, self.stop = prefix, prefix + prompts

    def forward(self, x: Float[Tensor, "n t c"]) -> Float[Tensor, "n t c"]:
        """The sum of both."""
        bottleneck, gate = self.shared
        others = torch.cat([x[:, : self.start], x[:, self.stop :]], dim=1)
        scores = x[:, self.start : self.stop] @ others.transpose(1, 2) / x.shape[-1] ** 0.5
        dynamic = scores.softmax(dim=-1) @ others
        tokens = torch.cat([x[:, : self.start], dynamic, x[:, self.stop :]], dim=1)
        y: Tensor = self.mlp(x) + gate * bottleneck(tokens)
        return y


class DynamicBlocks(nn.Module):
    """Consecutive blocks that share one bottleneck and its gate."""

    def __init__(self, stage: Blocks, width: int, inner: int, prompts: int, prefix: int) -> None:
        super().__init__()
        self.stage = stage
        self.bottleneck = Bottleneck(width, inner, _quick_gelu, pointwise=False)
        nn.init.trunc_normal_(self.bottleneck.up.weight, std=0.02)  # the gate is what starts at 0
        self.gate = nn.Parameter(torch.zeros(1))
        for block in stage.blocks:
            inside: Any = getattr(block, "block", block)
            inside.mlp = DynamicMlp(inside.mlp, self.bottleneck, self.gate, prompts, prefix)

    def forward(self, x: Float[Tensor, "n c t 1"]) -> Float[Tensor, "n c t2 1"]:
        """Tokens to tokens."""
        y: Tensor = self.stage(x)
        return y


class RemovePrompts(nn.Module):
    """The tokens without the prompts, which the pooling behind does not know."""

    def __init__(self, prompts: int, prefix: int) -> None:
        super().__init__()
        self.prompts, self.prefix = prompts, prefix

    def forward(self, x: Float[Tensor, "n c t 1"]) -> Float[Tensor, "n c t2 1"]:
        """Tokens to tokens."""
        return torch.cat([x[:, :, : self.prefix], x[:, :, self.prefix + self.prompts :]], dim=2)


class PromptPool(nn.Module):
    """The mean of the class token and the prompts, behind the final norm."""

    def __init__(self, pool: Any, prompts: int, prefix: int, *, class_token: bool) -> None:
        super().__init__()
        self.norm, self.fc_norm = pool.norm, pool.fc_norm
        self.prompts, self.prefix, self.class_token = prompts, prefix, class_token

    def forward(self, x: Float[Tensor, "n c t 1"]) -> Float[Tensor, "n c 1 1"]:
        """Vectors as maps of one cell."""
        tokens = self.norm(as_tokens(x))
        chosen = tokens[:, self.prefix : self.prefix + self.prompts]
        chosen = torch.cat([tokens[:, :1], chosen], dim=1) if self.class_token else chosen
        return to_maps(self.fc_norm(chosen.mean(dim=1)))


def add_prompts(
    stages: Sequence[StageOutput], options: AdaptationOptions, net: Any, *, first: int, width: int
) -> list[StageOutput]:
    """The stages of a transformer with prompts.

    Args:
        stages: as `split_transformer` gives them.
        options: one of the three kinds of prompts, and their number.
        net: what they were split from.
        first: the stage from whose first block on there are prompts.
        width: of a token.
    """
    dynamic = options.adapt == "dynamic_prompt"
    prompts = options.prompts or (DYNAMIC_PROMPTS if dynamic else PROMPTS)
    prefix = int(net.num_prefix_tokens)
    bound = (6 / (3 * _area(net.patch_embed.patch_size) + width)) ** 0.5
    result = list(stages)
    for i in range(first, len(stages)):
        stage: Any = stages[i].module[0] if i == len(stages) - 1 else stages[i].module  # type: ignore[index]
        for j, block in enumerate(stage.blocks):
            _pass_positions(block, prompts, rotary=stage.shared[0] is not None)
            begins = i == first and j == 0
            if begins or options.adapt == "prompt":
                stage.blocks[j] = PromptedBlock(
                    block, Prompt(prompts, width, prefix=prefix, bound=bound, replaces=not begins)
                )
        inner = options.bottleneck or DYNAMIC_BOTTLENECK
        changed: nn.Module = DynamicBlocks(stage, width, inner, prompts, prefix) if dynamic else stage
        if i == len(stages) - 1:
            pool: Any = stages[i].module[1]  # type: ignore[index]
            has_class = getattr(net, "cls_token", None) is not None
            tail = (
                [PromptPool(pool, prompts, prefix, class_token=has_class)]
                if dynamic
                else [RemovePrompts(prompts, prefix), pool]
            )
            changed = nn.Sequential(changed, *tail)
        result[i] = replace(stages[i], module=changed)
    return result


def _pass_positions(block: Any, prompts: int, *, rotary: bool) -> None:
    """Prompts have no place in the image: a block with rotary positions passes them over, as the class token."""
    if rotary:
        block.attn.num_prefix_tokens += prompts


def _area(size: Sequence[int]) -> int:
    return int(size[0]) * int(size[1])


def _quick_gelu(x: Tensor) -> Tensor:
    return F.sigmoid(1.702 * x) * x
