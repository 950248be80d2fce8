"""Tensors that flow between data, network and losses. Shape letters: n k d c h w.

n images, k classes, d length of an embedding, c channels or features, h and w height and width. Values are frozen; a
step returns a new one. Arrays make equality meaningless, so `eq=False`.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Similarity = Literal["dot", "cosine"]


IGNORE = -1  # pixel label that no loss looks at


@dataclass(frozen=True, eq=False)
class LabelEmbedding:
    """One vector per class, and how an embedding is compared with it.

    `learn_temperature`: `temperature` is only where learning starts; a network keeps the learnt one. `read_as`: what
    each class's name was read as, where names were read.
    """

    vectors: Float[Tensor, "k d"]
    similarity: Similarity = "dot"
    temperature: float = 1.0
    learn_temperature: bool = False
    read_as: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Length d of a class vector: what a head's embedding must have."""
        return int(self.vectors.shape[1])

    def logits(self, embedding: Float[Tensor, "n d *space"]) -> Float[Tensor, "n k *space"]:
        """Class scores: similarity of each embedding (or of each pixel's) to every class vector, over temperature."""
        vectors = self.vectors.to(embedding)
        if self.similarity == "cosine":
            vectors = torch.nn.functional.normalize(vectors, dim=1)
            embedding = torch.nn.functional.normalize(embedding, dim=1)
        return torch.einsum("kd,nd...->nk...", vectors, embedding) / self.temperature


@dataclass(frozen=True, eq=False)
class Batch:
    """What a training step sees.

    `images` in [0, 1]; the network normalises. `labels` -1: none. `targets` are class probabilities.
    `pixel_labels`: 0 background, class + 1, -1 ignore; all -1 where an image has no mask.
    """

    images: Float[Tensor, "n 3 h w"]
    labels: Int[Tensor, " n"]
    targets: Float[Tensor, "n k"]
    pixel_labels: Int[Tensor, "n h w"]

    def rows(self, which: slice | Int[Tensor, " m"] | Bool[Tensor, " n"]) -> "Batch":
        """The same rows of every field: of tensors, and of values that have `rows` themselves (a further view)."""
        return replace(self, **{f.name: _rows(getattr(self, f.name), which) for f in fields(self)})


def _rows(value: Any, which: slice | Tensor) -> Any:
    if isinstance(value, tuple):
        return tuple(_rows(inner, which) for inner in value)
    if isinstance(value, Tensor):
        return value[which]
    return value.rows(which) if hasattr(value, "rows") else value


@dataclass(frozen=True, eq=False)
class Output:
    """What a network says of a batch.

    `embedding` is compared with the label vectors to give `logits`; `features` is what the classifier pooled;
    `pixels` are per-pixel scores, background first, for heads that segment. `distances` are the squared ones to each
    class's nearest prototype, for heads that learn some. `typicality` is the share of training images that were as
    unlike the others or more, where posthoc/out_of_distribution measures it.
    """

    embedding: Float[Tensor, "n d"]
    logits: Float[Tensor, "n k"]
    features: Float[Tensor, "n c"]
    pixels: Float[Tensor, "n k1 h w"] | None = None
    distances: Float[Tensor, "n k"] | None = None
    typicality: Float[Tensor, " n"] | None = None


@dataclass(frozen=True, eq=False)
class Backbone:
    """A feature extractor: [n 3 h w] to [n channels h/stride w/stride], rounded up, plus how it wants its input."""

    network: torch.nn.Module
    channels: int
    stride: int
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
