"""Smooth random images in memory, data sets of them, and their measurements with features of known separation."""

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np

from handful.core.dataset import Dataset, Sample
from handful.inspection.image_statistics import StatisticsCollector
from handful.inspection.measurements import Measurements

CLASSES = ("cat", "dog", "emu")


def smooth_image(number: int, side: int = 40) -> np.ndarray:
    """A smooth image that resembles that of no other number, uint8 [3 h w]."""
    coarse = np.random.default_rng(number).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    large = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(large.transpose(2, 0, 1))


def smooth_dataset(per_class: int = 12, *, classes: tuple[str, ...] = CLASSES) -> Dataset:
    """Data with `per_class` images of each class, whose ids start with the class."""
    samples = [
        Sample(f"{name}/{i:02d}.png", smooth_image(100 * label + i), label)
        for label, name in enumerate(classes)
        for i in range(per_class)
    ]
    return Dataset(tuple(samples), classes)


def with_changed_samples(data: Dataset, **samples: Mapping[str, object]) -> Dataset:
    """The data with fields of some samples replaced; keys are ids with "_" for "/" and no extension."""
    replaced = tuple(replace(s, **samples.get(s.id[:-4].replace("/", "_"), {})) for s in data.samples)  # type: ignore[arg-type]
    return replace(data, samples=replaced)


def measure(data: Dataset, *, separation: float | None = None, seed: int = 0) -> Measurements:
    """Measurements of images in memory; with `separation`, features whose class means are so many deviations apart."""
    collector = StatisticsCollector()
    for sample in data.samples:
        assert isinstance(sample.image, np.ndarray)
        collector.add(sample.image)
    features = None
    if separation is not None:
        rng = np.random.default_rng(seed)
        means = rng.normal(size=(len(data.classes), 16)) * separation / np.sqrt(2)
        features = (means[np.maximum(data.labels, 0)] + rng.normal(size=(len(data), 16))).astype(np.float32)
    return Measurements(data, collector.result(), features=features)
