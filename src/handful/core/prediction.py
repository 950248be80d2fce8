"""Predictions, and the `Predictor` interface that PyTorch classifiers and ONNX models share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from handful.core.dataset import Dataset, Image, Mask
from handful.core.pixel_range import PixelRange

UNKNOWN = "I do not know"


def predict_batch_size(size: tuple[int, int], *, most: int = 256) -> int:
    """Number of images of this height and width in one forward pass: 4 million pixels, at most `most` images."""
    return max(1, min(most, 2**22 // (size[0] * size[1])))


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions for some samples.

    Attributes:
        probabilities: of each class.
        answers: index of the predicted class; k if the image is rejected.
        typicality: p-value of each image under the out-of-distribution detector, if the model has one.
        sets: conformal prediction sets, if the model has them.
        present: whether each class is there, by its threshold, of a multilabel model; None: of other models.
        numbers: of a model of numbers; `probabilities` are then the same, and `answers` mean nothing.
        attention: logarithm of each image's weight in its bag, up to a constant, of a model that pools by it.
        unknown: share of each image's pixels that are of nothing that was taught, if the model finds such.
    """

    probabilities: Float[np.ndarray, "n k"]
    answers: Int[np.ndarray, " n"]
    typicality: Float[np.ndarray, " n"] | None
    sets: Bool[np.ndarray, "n k"] | None
    present: Bool[np.ndarray, "n k"] | None = None
    numbers: Float[np.ndarray, "n k"] | None = None
    attention: Float[np.ndarray, " n"] | None = None
    unknown: Float[np.ndarray, " n"] | None = None


@runtime_checkable
class Predictor(Protocol):
    """A model that predicts. `false_rejection` is 0 if it never rejects an image."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the probabilities."""
        ...

    @property
    def false_rejection(self) -> float:
        """Share of in-distribution images that are rejected."""
        ...

    @property
    def chunk(self) -> int:
        """Number of images in one forward pass."""
        ...

    @property
    def pixel_range(self) -> PixelRange | None:
        """How images of more than 8 bits per channel are scaled; None: as without a range."""
        ...

    def fitted(self, image: Image) -> UInt8[np.ndarray, "3 h2 w2"]:
        """The image at the model's working size; unchanged if the model works at several sizes."""
        ...

    def predict_all(self, data: Dataset, *, coverage: float | None = None) -> Predictions:
        """All predictions for the samples, from one forward pass per batch."""
        ...

    def maps(self, data: Dataset) -> Iterator[Float[np.ndarray, "k1 h w"]]:
        """Pixel probabilities of each sample at the working size, background first."""
        ...

    @property
    def finds_unknown(self) -> bool:
        """Whether `unknown_regions` can be given."""
        ...

    def unknown_regions(self, data: Dataset) -> Iterator[Int[np.ndarray, "h w"]]:
        """Numbers of the unknown regions of each sample at the working size, 0 where all is known."""
        ...

    def own_size(self, mask: Bool[np.ndarray, "h2 w2"], size: tuple[int, int]) -> Mask:
        """A mask at the working size, resized to an image's own h, w."""
        ...
