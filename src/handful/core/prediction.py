"""What a model says of images, whoever computes it: PyTorch, or an exported graph."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from handful.core.dataset import Dataset, Image, Mask

UNKNOWN = "I do not know"


def predict_batch_size(size: tuple[int, int], *, most: int = 256) -> int:
    """Number of images of this height and width in one forward pass: 4 million pixels, at most `most` images."""
    return max(1, min(most, 2**22 // (size[0] * size[1])))


@dataclass(frozen=True, eq=False)
class Predictions:
    """What is said of some samples; `answers` is k where the image is rejected."""

    probabilities: Float[np.ndarray, "n k"]
    answers: Int[np.ndarray, " n"]
    typicality: Float[np.ndarray, " n"] | None
    sets: Bool[np.ndarray, "n k"] | None


@runtime_checkable
class Predictor(Protocol):
    """A model as predicting needs it. `false_rejection` is 0 where it never rejects an image."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the probabilities."""
        ...

    @property
    def false_rejection(self) -> float:
        """Share of images like the training ones that are rejected."""
        ...

    @property
    def chunk(self) -> int:
        """How many images are predicted at a time."""
        ...

    def fitted(self, image: Image) -> UInt8[np.ndarray, "3 h2 w2"]:
        """The image at the size that the model brings it to; as it is, where the model needs it at several."""
        ...

    def judge(self, data: Dataset, *, coverage: float | None = None) -> Predictions:
        """All that the model says of samples."""
        ...

    def maps(self, data: Dataset) -> Iterator[Float[np.ndarray, "k1 h w"]]:
        """Pixel probabilities of each sample at the working size, background first."""
        ...

    def own_size(self, mask: Bool[np.ndarray, "h2 w2"], size: tuple[int, int]) -> Mask:
        """A mask at the working size, back at an image's own h, w."""
        ...
