"""Fingerprint of a data set: a short hash that identifies the data that a score was measured on."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from handful.core.dataset import Dataset, Sample
from handful.data.images import pixels
from handful.errors import DataError


def fingerprint(data: Dataset) -> str:
    """12 hex digits over classes, ids, labels, groups, splits, masks and image content, in order.

    Image files are hashed by their bytes and their pixel range, arrays by their pixels: the same images in another
    format are other data.

    Raises:
        DataError: an image file cannot be read.
    """
    total = hashlib.sha256()
    total.update(repr(data.classes).encode())
    for sample in data.samples:
        total.update(_sample(sample))
    return total.hexdigest()[:12]


def ids_hash(train_ids: Iterable[str], test_ids: Iterable[str]) -> str:
    """12 hex digits over the ids of the training samples and of the scored samples, in order."""
    text = repr((tuple(train_ids), tuple(test_ids)))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _sample(sample: Sample) -> bytes:
    one = hashlib.sha256()
    one.update(repr((sample.id, sample.label, sample.group, sample.split)).encode())
    if isinstance(sample.image, Path):
        try:
            one.update(sample.image.read_bytes())
            if sample.pixel_range is not None:
                one.update(repr(sample.pixel_range).encode())
        except OSError as error:
            raise DataError(
                f"cannot be read: {error.strerror}", where=sample.image, remedy="check the file and its permissions."
            ) from error
    else:
        image = pixels(sample)
        one.update(repr(image.shape).encode() + image.tobytes())
    if sample.mask is not None:
        one.update(b"mask" + repr(sample.mask.shape).encode() + sample.mask.tobytes())
    return one.digest()
