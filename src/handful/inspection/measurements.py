"""One pass over the files: everything that the findings rest on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from handful.core.dataset import Dataset, Image, Sample
from handful.data.images import decode, open_image
from handful.errors import DataError
from handful.inspection.cross_fit import CrossFit, compress, cross_fit
from handful.inspection.exif import Shot, read_shot
from handful.inspection.group_inference import Guess, guess_groups
from handful.inspection.image_statistics import ImageStatistics, Measuring
from handful.inspection.near_duplicates import near_copies
from handful.inspection.shortcut_tests import Shortcut, columns, detect


@dataclass(frozen=True, eq=False)
class Measurements:
    """What is known of a data set's pictures; rows of every array are the samples of `data`, which can be read.

    `unreadable`: id and reason of the others. `modes`: Pillow's name of how a file stores its colours. `bytes`: a
    file's size. Both are empty or -1 for pictures that are no files. `features` are None in the short form.
    """

    data: Dataset
    measures: ImageStatistics
    unreadable: tuple[tuple[str, str], ...] = ()
    modes: tuple[str, ...] = ()
    bytes: Int[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0, np.int64))
    shots: tuple[Shot | None, ...] = ()
    features: Float[np.ndarray, "n c"] | None = None

    @cached_property
    def labels(self) -> Int[np.ndarray, " n"]:
        """As `Dataset.labels`."""
        return self.data.labels

    @cached_property
    def copies(self) -> list[tuple[int, ...]]:
        """Sets of positions that show nearly the same."""
        return near_copies(self.measures, self.features)

    @cached_property
    def distinct(self) -> Int[np.ndarray, " m"]:
        """Positions of the labelled samples, one of each set of copies: what a statistic may count."""
        seconds = {i for own in self.copies for i in own[1:]}
        return np.array([i for i in np.flatnonzero(self.labels >= 0) if i not in seconds], dtype=np.int64)

    @cached_property
    def groups(self) -> Int[np.ndarray, " n"]:
        """A number per sample; those of one group share it. Without a group a sample is on its own."""
        names = [f"group:{s.group}" if s.group is not None else f"id:{s.id}" for s in self.data.samples]
        return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64) if names else np.zeros(0, np.int64)

    @cached_property
    def training(self) -> Int[np.ndarray, " m"]:
        """Those of `distinct` that may be trained on."""
        return np.array([i for i in self.distinct if self.data.samples[i].split != "test"], dtype=np.int64)

    @cached_property
    def judged(self) -> CrossFit | None:
        """Class probabilities of the training images from features, cross-fitted; None where they cannot be."""
        if self.features is None:
            return None
        return cross_fit(self.features, self.labels, self.groups, self.training, classes=len(self.data.classes))

    @cached_property
    def guess(self) -> Guess | None:
        """Groups guessed where the data name none."""
        if not len(self.data) or any(s.group is not None for s in self.data.samples):
            return None
        return guess_groups(self.data.ids, self.labels, self.compressed, self.shots, copies=self.copies)

    @cached_property
    def shortcuts(self) -> tuple[Shortcut, ...]:
        """How well what should not matter predicts the class of training images."""
        looked_at = columns(
            self.data, self.measures, rows=self.training, modes=self.modes, bytes_=self.bytes, shots=self.shots
        )
        return detect(looked_at, self.labels, self.groups)

    @cached_property
    def compressed(self) -> Float[np.ndarray, "n d"] | None:
        """The features' first principal components."""
        return None if self.features is None or len(self.features) < 3 else compress(self.features)


def measure_images(
    data: Dataset,
    *,
    features: Callable[[Iterator[Image]], Iterator[Float[np.ndarray, "_ c"]]] | None = None,
    advance: Callable[[], None] | None = None,
) -> Measurements:
    """Decode every picture once, measure it, and hand it on to what computes features.

    Args:
        data: the samples.
        features: makes features of the pictures in order, some at a time; None: the short form, without any.
        advance: called after each sample.
    """
    measuring = Measuring()
    kept: list[Sample] = []
    unreadable: list[tuple[str, str]] = []
    modes: list[str] = []
    sizes: list[int] = []
    shots: list[Shot | None] = []

    def pictures() -> Iterator[Image]:
        for sample in data.samples:
            try:
                image, mode, size, shot = _read(sample)
            except DataError as error:
                unreadable.append((sample.id, error.what))
            else:
                measuring.add(image)
                kept.append(sample)
                modes.append(mode)
                sizes.append(size)
                shots.append(shot)
                yield image
            if advance is not None:
                advance()

    vectors = None
    if features is None:
        for _ in pictures():
            pass
    else:
        found = list(features(pictures()))
        vectors = np.concatenate(found) if found else np.zeros((0, 1), np.float32)
    return Measurements(
        data=Dataset(tuple(kept), data.classes),
        measures=measuring.done(),
        unreadable=tuple(unreadable),
        modes=tuple(modes),
        bytes=np.array(sizes, dtype=np.int64),
        shots=tuple(shots),
        features=vectors,
    )


def _read(sample: Sample) -> tuple[Image, str, int, Shot | None]:
    if not isinstance(sample.image, Path):
        return sample.image, "", -1, None
    with open_image(sample.image) as opened:
        return decode(opened, sample.image), opened.mode, sample.image.stat().st_size, read_shot(opened)
