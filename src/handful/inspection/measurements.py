"""Measurements of all images, made in one pass over the files: what findings and measures are computed from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from handful.core.dataset import Dataset, Image, Sample
from handful.data.decoding import decode
from handful.data.image_cache import store_decoded
from handful.data.images import open_image, pixels
from handful.errors import DataError
from handful.inspection.cross_validate_features import CrossValidation, compress, cross_validate
from handful.inspection.cross_validate_labels import LabelValidation, cross_validate_labels
from handful.inspection.exif import CaptureInfo, read_capture_info
from handful.inspection.group_inference import InferredGroups, infer_groups
from handful.inspection.image_statistics import ImageStatistics, StatisticsCollector
from handful.inspection.near_duplicates import find_near_duplicates
from handful.inspection.shortcut_tests import Shortcut, find_shortcuts, nuisance_variables


@dataclass(frozen=True, eq=False)
class Measurements:
    """Measurements of a data set's images. Rows of every array are the samples of `data`, the readable ones.

    Attributes:
        data: the samples whose images can be read.
        statistics: image statistics, one row per sample.
        unreadable: id of each other sample, and the reason.
        modes: Pillow's mode of each file ("RGB", "L", ...); "" for images that are not files.
        bytes: size of each file; -1 for images that are not files.
        captures: camera and time from EXIF, None where a file has neither.
        features: of the embedded backbone; None in the quick check before a fit.
    """

    data: Dataset
    statistics: ImageStatistics
    unreadable: tuple[tuple[str, str], ...] = ()
    modes: tuple[str, ...] = ()
    bytes: Int[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0, np.int64))
    captures: tuple[CaptureInfo | None, ...] = ()
    features: Float[np.ndarray, "n c"] | None = None

    @cached_property
    def labels(self) -> Int[np.ndarray, " n"]:
        """As `Dataset.labels`; of several labels per image and of numbers 0 where something is known, else -1."""
        if self.data.kind in ("multilabel", "number"):
            return np.array([0 if s.labelled else -1 for s in self.data.samples], dtype=np.int64)
        return self.data.labels

    @cached_property
    def label_validation(self) -> LabelValidation | None:
        """Cross-validated probabilities of each class of several per image; None as for `cross_validation`."""
        if self.features is None:
            return None
        return cross_validate_labels(self.features, self.data.targets(), self.groups, self.training)

    @cached_property
    def copies(self) -> list[tuple[int, ...]]:
        """Sets of near duplicates, as positions."""
        return find_near_duplicates(self.statistics, self.features)

    @cached_property
    def distinct(self) -> Int[np.ndarray, " m"]:
        """Positions of the labelled samples, without all but one of each set of near duplicates."""
        seconds = {i for own in self.copies for i in own[1:]}
        return np.array([i for i in np.flatnonzero(self.labels >= 0) if i not in seconds], dtype=np.int64)

    @cached_property
    def groups(self) -> Int[np.ndarray, " n"]:
        """Index of each sample's group; a sample without a group is a group of its own."""
        names = [f"group:{s.group}" if s.group is not None else f"id:{s.id}" for s in self.data.samples]
        return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64) if names else np.zeros(0, np.int64)

    @cached_property
    def training(self) -> Int[np.ndarray, " m"]:
        """The positions in `distinct` that are not of the test split."""
        return np.array([i for i in self.distinct if self.data.samples[i].split != "test"], dtype=np.int64)

    @cached_property
    def cross_validation(self) -> CrossValidation | None:
        """Cross-validated class probabilities of the training images; None without features or with too few images."""
        if self.features is None or self.data.kind == "multilabel":
            return None
        return cross_validate(self.features, self.labels, self.groups, self.training, classes=len(self.data.classes))

    @cached_property
    def inferred_groups(self) -> InferredGroups | None:
        """Groups inferred from names and EXIF; None where the data name groups, or nothing was found."""
        if not len(self.data) or any(s.group is not None for s in self.data.samples):
            return None
        return infer_groups(self.data.ids, self.labels, self.components, self.captures, copies=self.copies)

    @cached_property
    def shortcuts(self) -> tuple[Shortcut, ...]:
        """How well nuisance variables predict the class of the training images, the best predictor first."""
        if self.data.kind == "multilabel":  # a shortcut gives one class of an image away
            return ()
        variables = nuisance_variables(
            self.data, self.statistics, rows=self.training, modes=self.modes, bytes_=self.bytes, captures=self.captures
        )
        return find_shortcuts(variables, self.labels, self.groups)

    @cached_property
    def components(self) -> Float[np.ndarray, "n d"] | None:
        """First principal components of the features; None without features or with fewer than three images."""
        return None if self.features is None or len(self.features) < 3 else compress(self.features)


def measure_images(
    data: Dataset,
    *,
    features: Callable[[Iterator[Image]], Iterator[Float[np.ndarray, "_ c"]]] | None = None,
    advance: Callable[[], None] | None = None,
) -> Measurements:
    """Decode every image once and measure it.

    Args:
        data: the samples.
        features: maps an iterator of images to batches of feature vectors in the same order; None: no features.
        advance: called after each sample.
    """
    collector = StatisticsCollector()
    readable: list[Sample] = []
    unreadable: list[tuple[str, str]] = []
    modes: list[str] = []
    sizes: list[int] = []
    captures: list[CaptureInfo | None] = []

    def images() -> Iterator[Image]:
        for sample in data.samples:
            try:
                image, mode, size, capture = _read(sample)
            except DataError as error:
                unreadable.append((sample.id, error.what))
            else:
                collector.add(image)
                store_decoded(sample, image)
                readable.append(sample)
                modes.append(mode)
                sizes.append(size)
                captures.append(capture)
                yield image
            if advance is not None:
                advance()

    vectors = None
    if features is None:
        for _ in images():
            pass
    else:
        batches = list(features(images()))
        vectors = np.concatenate(batches) if batches else np.zeros((0, 1), np.float32)
    return Measurements(
        data=replace(data, samples=tuple(readable)),
        statistics=collector.result(),
        unreadable=tuple(unreadable),
        modes=tuple(modes),
        bytes=np.array(sizes, dtype=np.int64),
        captures=tuple(captures),
        features=vectors,
    )


def _read(sample: Sample) -> tuple[Image, str, int, CaptureInfo | None]:
    if not isinstance(sample.image, Path):
        return pixels(sample), "", -1, None
    with open_image(sample.image) as opened:
        return (
            decode(opened, sample.image, sample.pixel_range),
            opened.mode,
            sample.image.stat().st_size,
            read_capture_info(opened),
        )
