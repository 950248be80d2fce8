"""Tiny pictures for the tests of the readers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from handful.core.dataset import Dataset, Sample, Split


def picture(number: int, size: tuple[int, int] = (6, 8)) -> Image.Image:
    """A picture that differs from that of any other number."""
    noise = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def save(path: Path, number: int = 0, size: tuple[int, int] = (6, 8)) -> Path:
    """Write such a picture, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(number, size).save(path)
    return path


def truncate(path: Path, share: float = 0.6) -> Path:
    """Cut the end off a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def dataset(
    labels: Sequence[int | None],
    *,
    groups: Sequence[str | None] | None = None,
    splits: Sequence[Split | None] | None = None,
    classes: tuple[str, ...] = ("cat", "dog"),
) -> Dataset:
    """Samples in memory, each with a picture of its own."""
    samples = (
        Sample(
            id=f"{i:03d}",
            image=np.ascontiguousarray(np.asarray(picture(i)).transpose(2, 0, 1)),
            label=label,
            group=groups[i] if groups else None,
            split=splits[i] if splits else None,
        )
        for i, label in enumerate(labels)
    )
    return Dataset(tuple(samples), classes)
