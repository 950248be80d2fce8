"""Dataclasses of tensors: batches, network outputs, label embeddings and backbones.

Shape letters: n images, k classes, d length of an embedding, c channels or features, h and w height and width.
Instances are frozen; a step returns a new one. `eq=False`, because tensors have no single truth value.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Similarity = Literal["dot", "cosine"]


IGNORE = -1  # pixel label that losses ignore


@dataclass(frozen=True, eq=False)
class LabelEmbedding:
    """Class vectors, and the similarity that compares an embedding with them.

    Attributes:
        vectors: one vector per class.
        similarity: "dot" product or "cosine".
        temperature: divisor of the similarities.
        learn_temperature: `temperature` is only the initial value; the network has the learnt one.
        read_as: the words that each class name was looked up as, for word embeddings.
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
    """The input of a training step.

    Attributes:
        images: values in [0, 1]; the network normalizes them.
        labels: class of each image, -1 without a label.
        targets: class probabilities.
        pixel_labels: 0 background, class + 1, -1 ignore; all -1 where an image has no mask.
    """

    images: Float[Tensor, "n 3 h w"]
    labels: Int[Tensor, " n"]
    targets: Float[Tensor, "n k"]
    pixel_labels: Int[Tensor, "n h w"]

    def rows(self, which: slice | Int[Tensor, " m"] | Bool[Tensor, " n"]) -> "Batch":
        """The same rows of every field, nested batches (a second view) included."""
        return replace(self, **{f.name: _rows(getattr(self, f.name), which) for f in fields(self)})


def _rows(value: Any, which: slice | Tensor) -> Any:
    if isinstance(value, tuple):
        return tuple(_rows(inner, which) for inner in value)
    if isinstance(value, Tensor):
        return value[which]
    return value.rows(which) if hasattr(value, "rows") else value


@dataclass(frozen=True, eq=False)
class Output:
    """The output of a network on a batch.

    Attributes:
        embedding: compared with the label vectors to compute `logits`.
        logits: class scores.
        features: the pooled features.
        pixels: class scores of each pixel, background first, from segmentation heads.
        distances: squared distances to each class's nearest prototype, from prototype heads.
        typicality: p-value of each image under posthoc/out_of_distribution: the share of training images that were at
            least as unlike the others.
    """

    embedding: Float[Tensor, "n d"]
    logits: Float[Tensor, "n k"]
    features: Float[Tensor, "n c"]
    pixels: Float[Tensor, "n k1 h w"] | None = None
    distances: Float[Tensor, "n k"] | None = None
    typicality: Float[Tensor, " n"] | None = None


@dataclass(frozen=True, eq=False)
class Backbone:
    """Feature extractor from [n 3 h w] to [n channels h/stride w/stride], rounded up, and its input normalization."""

    network: torch.nn.Module
    channels: int
    stride: int
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
