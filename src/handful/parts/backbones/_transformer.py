"""timm's vision transformers split into five stages: patch embedding, then four groups of blocks.

Five, as the convolutional backbones have, so that `freeze` and `layer_decay` of a recipe mean the same for both: with
three blocks a stage, a decay of 0.3 a stage is one of 0.67 a block, where BEiT (https://arxiv.org/abs/2106.08254) and
MAE (https://arxiv.org/abs/2111.06377) take 0.65 to 0.75.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from timm.layers.pool1d import global_pool_nlc
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from handful.parts.backbones._extractor import PadToStride
from handful.parts.backbones._stages import StageOutput
from handful.parts.backbones._vector import STRIDE, to_maps

GROUPS = 4
Token = Literal["pooled", "class_and_patches"]


def is_transformer(net: nn.Module) -> bool:
    """Whether a model is a plain transformer: a patch embedding, then blocks on the same tokens."""
    return isinstance(net, VisionTransformer) or (isinstance(net, Eva) and not getattr(net, "rope_mixed", False))


def default_token(net: nn.Module, *, labelled: bool) -> Token:
    """What a classifier should read of a transformer.

    Trained without labels: the class token and the mean of the patch tokens, as DINOv2's linear classifiers of one
    layer do (https://github.com/facebookresearch/dinov2, `hub/classifiers.py`; Oquab et al. 2023,
    https://arxiv.org/abs/2304.07193). Else what its own classifier reads: for CLIP the class token before the
    projection, which Radford et al. 2021 (https://arxiv.org/abs/2103.00020) use for their linear probes.
    """
    own: Any = net
    has_class = getattr(own, "cls_token", None) is not None and getattr(own, "attn_pool", None) is None
    return "class_and_patches" if has_class and not labelled else "pooled"


class Embedding(nn.Module):
    """Images to tokens, with their positions."""

    def __init__(self, net: Any, pad: int) -> None:
        super().__init__()
        self.pad = PadToStride(pad)
        self.net = net  # without its blocks, final norm and pooling

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c t 1"]:
        """Normalized images to tokens."""
        tokens = self.net._pos_embed(self.net.patch_embed(self.pad(x)))
        tokens = tokens[0] if isinstance(tokens, tuple) else self.net.patch_drop(tokens)
        return _as_maps(self.net.norm_pre(tokens))


class Blocks(nn.Module):
    """Consecutive blocks; `rope`, the rotary embedding of positions where there is one, is `Embedding`'s."""

    def __init__(self, blocks: Sequence[nn.Module], rope: Any, grid: tuple[int, int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.shared, self.grid = (rope,), grid  # a tuple: no child of its own

    def forward(self, x: Float[Tensor, "n c t 1"]) -> Float[Tensor, "n c t2 1"]:
        """Tokens to tokens; a block may add some."""
        tokens = as_tokens(x)
        rope = self.shared[0]
        if rope is None:
            for block in self.blocks:
                tokens = block(tokens)
            return _as_maps(tokens)
        positions = rope.get_embed() if hasattr(rope, "feat_shape") else rope.get_embed(shape=self.grid)
        for block in self.blocks:
            tokens = block(tokens, rope=positions)
        return _as_maps(tokens)


class TokenPool(nn.Module):
    """Tokens to one vector per image."""

    def __init__(self, net: Any, token: Token) -> None:
        super().__init__()
        self.norm, self.fc_norm, self.attn_pool = net.norm, net.fc_norm, net.attn_pool
        self.kind, self.prefix, self.token = net.global_pool, net.num_prefix_tokens, token
        self.include_prefix = bool(getattr(net, "pool_include_prefix", False))

    def forward(self, x: Float[Tensor, "n c t 1"]) -> Float[Tensor, "n d 1 1"]:
        """Vectors as maps of one cell."""
        tokens = self.norm(as_tokens(x))
        if self.token == "class_and_patches":
            parts = (tokens[:, 0], tokens[:, self.prefix :].mean(dim=1))
            return to_maps(torch.cat([self.fc_norm(part) for part in parts], dim=1))
        if self.attn_pool is not None:
            pooled = self.attn_pool(tokens if self.include_prefix or self.prefix == 0 else tokens[:, self.prefix :])
        else:
            pooled = global_pool_nlc(
                tokens,
                pool_type=self.kind,
                num_prefix_tokens=self.prefix,
                reduce_include_prefix=self.include_prefix,
            )
        return to_maps(self.fc_norm(pooled))


def split_transformer(net: Any, token: Token) -> list[StageOutput]:
    """The five stages of a transformer, with the pooling at the end of the last one; it is taken apart."""
    width = int(net.embed_dim)
    groups = np.array_split(np.arange(len(net.blocks)), GROUPS)
    rope = getattr(net, "rope", None)
    stages: list[nn.Module] = [
        Blocks([net.blocks[int(i)] for i in group], rope, net.patch_embed.grid_size) for group in groups
    ]
    stages[-1] = nn.Sequential(stages[-1], TokenPool(net, token))
    side = max(net.patch_embed.patch_size)
    for name in ("blocks", "norm", "fc_norm", "head"):
        setattr(net, name, nn.Identity())
    net.attn_pool = None
    stages.insert(0, Embedding(net, side))
    return [StageOutput(stage, width, STRIDE) for stage in stages]


def _as_maps(tokens: Float[Tensor, "n t c"]) -> Float[Tensor, "n c t 1"]:
    """Tokens as maps, which a cache of frozen stages holds."""
    return tokens.transpose(1, 2).unsqueeze(-1)


def as_tokens(maps: Float[Tensor, "n c t 1"]) -> Float[Tensor, "n t c"]:
    return maps.squeeze(-1).transpose(1, 2)
