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


def _rows(value: Any, which: slice | Tensor) -> Any:
    if isinstance(value, tuple):
        return tuple(_rows(inner, which) for inner in value)
    if isinstance(value, Tensor):
        return value[which]
    return value.rows(which) if hasattr(value, "rows") else value


@dataclass(frozen=True, eq=False)
class Output:
    """The output of a network on a batch, or on its first view.

    Attributes:
        embedding: compared with the label vectors to compute `logits`.
        logits: class scores.
        features: the pooled features.
        pixels: class scores of each pixel, background first, from segmentation heads.
        distances: squared distances to each class's nearest prototype, from prototype heads.
        typicality: p-value of each image under posthoc/out_of_distribution: the share of training images that were at
            least as unlike the others.
        views: outputs on the batch's further views, in the order of `Batch.views`.
        maps: feature maps of the backbone, in training, where a loss reads them.
        attention: logarithm of each image's weight in its bag, up to a constant, from heads that pool by it.
        peers: outputs of the networks that are trained beside this one, on the same batch.
        uncertainty: of each pixel, under posthoc/unknown_regions: higher where nothing that was taught explains it.
        unknown: pixels whose uncertainty is so high that they are of nothing that was taught.
        pixel_embedding: of each cell, where losses/pixel_discriminative learned one and that part kept it.
    """

    embedding: Float[Tensor, "n d"]
    logits: Float[Tensor, "n k"]
    features: Float[Tensor, "n c"]
    pixels: Float[Tensor, "n k1 h w"] | None = None
    distances: Float[Tensor, "n k"] | None = None
    typicality: Float[Tensor, " n"] | None = None
    views: "tuple[Output, ...]" = ()
    maps: Float[Tensor, "n c2 h2 w2"] | None = None
    attention: Float[Tensor, " n"] | None = None
    peers: "tuple[Output, ...]" = ()
    uncertainty: Float[Tensor, "n h w"] | None = None
    unknown: Bool[Tensor, "n h w"] | None = None
    pixel_embedding: Float[Tensor, "n e h2 w2"] | None = None

    def rows(self, which: slice | Int[Tensor, " m"] | Bool[Tensor, " n"]) -> "Output":
        """The same rows of every field; of further views too, so these must have all rows."""
        return replace(self, **{f.name: _rows(getattr(self, f.name), which) for f in fields(self)})


@dataclass(frozen=True, eq=False)
class Batch:
    """The input of a training step: the first view of its images, with what is known of them.

    Attributes:
        images: values in [0, 1]; the network normalizes them.
        labels: class of each image, -1 without a label.
        targets: class probabilities; of multilabel data 1 for a class that is present, else 0.
        pixel_labels: 0 background, class + 1, -1 ignore; all -1 where an image has no mask. Of multilabel data also
            k + 1, one of the classes that the image shows.
        index: position of each image among the training images, -1 for a mixture of several; None: not known.
        progress: share of the stage that is done, in [0, 1).
        views: the stage's further views. Their rows are those of this batch, or those without a label, in its order.
        known: which entries of the targets are known, of multilabel data; None: all of an image with a label.
        weights: factor of each image's loss; None: 1 each. The training loop multiplies by it.
        pixel_weights: factor of each pixel's loss, which losses on pixel labels multiply by; None: 1 each.
        teacher_output: what the mean teacher, the network with averaged weights, gives for `images`; without gradient.
        hidden: pixels that augment/patch_mask painted over, True there; None: it did not run.
        unmasked: the images before, for losses that predict hidden pixels.
        candidates: the classes of which an image without a label shows one, True there; rows of False where nothing is
            known, or the label is. None: no image has candidates.
    """

    images: Float[Tensor, "n 3 h w"]
    labels: Int[Tensor, " n"]
    targets: Float[Tensor, "n k"]
    pixel_labels: Int[Tensor, "n h w"]
    index: Int[Tensor, " n"] | None = None
    progress: float = 0.0
    views: "tuple[Batch, ...]" = ()
    teacher_output: Output | None = None
    known: Bool[Tensor, "n k"] | None = None
    weights: Float[Tensor, " n"] | None = None
    pixel_weights: Float[Tensor, "n h w"] | None = None
    hidden: Bool[Tensor, "n h w"] | None = None
    unmasked: Float[Tensor, "n 3 h w"] | None = None
    candidates: Bool[Tensor, "n k"] | None = None

    @property
    def supervised(self) -> Bool[Tensor, " n"]:
        """Which images have a label, or candidates."""
        return supervised_rows(self.labels, self.candidates)

    @property
    def has_mask(self) -> Bool[Tensor, " n"]:
        """Whether any pixel of an image is labelled."""
        return any_labelled(self.pixel_labels)

    def rows(self, which: slice | Int[Tensor, " m"] | Bool[Tensor, " n"]) -> "Batch":
        """The same rows of every field, and of further views the rows that show the same images."""
        values = {f.name: _rows(getattr(self, f.name), which) for f in fields(self) if f.name != "views"}
        return replace(self, **values, views=tuple(view.rows(self._rows_of(view, which)) for view in self.views))

    def view_rows(self, view: int) -> Int[Tensor, " m"]:
        """The rows of this batch whose images a further view shows, by the view's number."""
        if len(self.views[view].labels) == len(self.labels):
            return torch.arange(len(self.labels), device=self.labels.device)
        return (self.labels < 0).nonzero()[:, 0]

    def _rows_of(self, view: "Batch", which: slice | Tensor) -> slice | Tensor:
        """Rows of a further view that show the images in the rows `which` of this batch."""
        if len(view.labels) == len(self.labels):
            return which
        unlabelled = self.labels < 0
        return (unlabelled.cumsum(0) - 1)[which][unlabelled[which]]


def supervised_rows(labels: Int[Tensor, " n"], candidates: Bool[Tensor, "n k"] | None) -> Bool[Tensor, " n"]:
    """Which images have a label, or candidates."""
    return labels >= 0 if candidates is None else (labels >= 0) | candidates.any(dim=1)


def any_labelled(pixel_labels: Int[Tensor, "n h w"]) -> Bool[Tensor, " n"]:
    """Whether any pixel of an image is labelled."""
    return (pixel_labels != IGNORE).flatten(1).any(dim=1)


def possible_labels(labels: Int[Tensor, " n"], number: int) -> Bool[Tensor, "n k1"]:
    """Which pixel labels, of so many, an image can have: background and its class; all where it has no label."""
    pixel_labels = torch.arange(number, device=labels.device)
    return (pixel_labels == 0) | (pixel_labels == labels[:, None] + 1) | (labels < 0)[:, None]


@dataclass(frozen=True, eq=False)
class Backbone:
    """Feature extractor from [n 3 h w] to [n channels h/stride w/stride], rounded up, and its input normalization."""

    network: torch.nn.Module
    channels: int
    stride: int
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
