"""Tiny noise images in memory and on disk, and data sets of them, for the tests of the readers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from handful.core.dataset import Dataset, Sample, Split


def noise_image(number: int, size: tuple[int, int] = (6, 8)) -> Image.Image:
    """An image that differs from that of any other number."""
    noise = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def save_noise_image(path: Path, number: int = 0, size: tuple[int, int] = (6, 8)) -> Path:
    """Write a noise image, and create the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise_image(number, size).save(path)
    return path


def truncate_file(path: Path, share: float = 0.6) -> Path:
    """Cut the end off a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def noise_dataset(
    labels: Sequence[int | None],
    *,
    groups: Sequence[str | None] | None = None,
    splits: Sequence[Split | None] | None = None,
    classes: tuple[str, ...] = ("cat", "dog"),
) -> Dataset:
    """Samples in memory, each with another noise image."""
    samples = (
        Sample(
            id=f"{i:03d}",
            image=np.ascontiguousarray(np.asarray(noise_image(i)).transpose(2, 0, 1)),
            label=label,
            group=groups[i] if groups else None,
            split=splits[i] if splits else None,
        )
        for i, label in enumerate(labels)
    )
    return Dataset(tuple(samples), classes)
