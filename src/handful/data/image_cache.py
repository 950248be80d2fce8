"""Images at their working sizes in memory, so that a run of many trainings decodes each file once.

Inside `cache_images`, the first request for an image decodes it, and brings it to every size that the run is going to
ask for. The pixels are those of `handful.data.in_memory.fit_size`, to the last bit. Nothing is written to disk: the
cache ends with the run, and needs no more than `LIMIT` bytes.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from handful.core.dataset import Image, Sample
from handful.data.images import pixels
from handful.data.resampling import Resize, fit_image

LIMIT = 2**30  # bytes of all images in a process: 6,000 of 224 x 224
SMALL = 2**19  # pixels of an image that NumPy resizes in milliseconds

Size = tuple[int, int]
Source = tuple[Any, ...]  # identifies what is decoded


@dataclass(frozen=True, eq=False)
class WorkingImage:
    """An image at a working size, and the height and width that it was decoded at."""

    image: Image
    decoded_size: Size


@dataclass(eq=False)
class _Cache:
    """The images of a run.

    Attributes:
        sizes: those that each image is brought to when it is decoded.
        limit: bytes; what comes after is not stored.
        images: by source, size and resize rule.
        arrays: images given as arrays: they are identified by their addresses, so they stay alive.
    """

    sizes: frozenset[tuple[Size, Resize]]
    limit: int
    images: dict[tuple[Source, Size, Resize], WorkingImage] = field(default_factory=dict)
    arrays: dict[int, Any] = field(default_factory=dict)
    bytes: int = 0

    def add(self, source: Source, sample: Sample, image: Image, sizes: Iterable[tuple[Size, Resize]]) -> None:
        """Bring a decoded image to these sizes, as far as the limit allows."""
        for size, resize in sizes:
            key = (source, size, resize)
            if key in self.images or self.bytes + 3 * size[0] * size[1] > self.limit:
                continue
            fitted = _fit(image, size, resize)
            if fitted is sample.image:
                continue
            self.images[key] = WorkingImage(fitted, _size(image))
            self.bytes += fitted.nbytes
            if not isinstance(sample.image, Path):
                self.arrays[id(sample.image)] = sample.image


_current: ContextVar[_Cache | None] = ContextVar("image_cache", default=None)


@contextmanager
def cache_images(sizes: Iterable[tuple[Size, Resize]] = (), *, limit: int = LIMIT) -> Iterator[None]:
    """Decode each image once while the `with` block runs in this thread; a block inside another shares its cache.

    Args:
        sizes: working sizes that are certain to be asked for: an image is brought to all of them when it is decoded.
        limit: bytes that the images may take.
    """
    if _current.get() is not None:
        yield
        return
    token = _current.set(_Cache(frozenset(sizes), limit))
    try:
        yield
    finally:
        _current.reset(token)


def start_image_cache(*, limit: int) -> None:
    """As `cache_images`, to the end of this process: for workers, which share the bytes among them."""
    _current.set(_Cache(frozenset(), limit))


def working_image(sample: Sample, size: Size, resize: Resize) -> WorkingImage:
    """The sample's image at a working size, as `fit_size` makes it; do not write to it.

    Raises:
        DataError: its file cannot be read, or its values are out of range.
    """
    cache = _current.get()
    source = None if cache is None else _source(sample)
    if cache is None or source is None:
        image = pixels(sample)
        return WorkingImage(_fit(image, size, resize), _size(image))
    key = (source, size, resize)
    if key not in cache.images:
        image = pixels(sample)
        cache.add(source, sample, image, {(size, resize), *cache.sizes})
        return cache.images.get(key) or WorkingImage(_fit(image, size, resize), _size(image))
    return cache.images[key]


def store_decoded(sample: Sample, image: Image) -> None:
    """Store the pixels of a sample that was decoded for another reason, at every size that the run has named."""
    cache = _current.get()
    source = None if cache is None else _source(sample)
    if cache is not None and source is not None:
        cache.add(source, sample, image, cache.sizes)


def _source(sample: Sample) -> Source | None:
    """What identifies the pixels: a file by its path and status; None: a file that cannot be found."""
    if not isinstance(sample.image, Path):
        return id(sample.image), sample.pixel_range
    try:
        status = sample.image.stat()
    except OSError:
        return None
    changes = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return str(sample.image), *changes, sample.pixel_range


def _size(image: Image) -> Size:
    return image.shape[1], image.shape[2]


def _fit(image: Image, size: Size, resize: Resize) -> UInt8[np.ndarray, "3 h2 w2"]:
    """The image at h x w, by PyTorch; small ones by NumPy where PyTorch is not loaded yet, which takes seconds."""
    if _size(image) == size:
        return image
    if image.size <= 3 * SMALL and "torch" not in sys.modules:
        return fit_image(image, size, resize)
    from handful.data.in_memory import fit_size

    return fit_size(image, size, resize)
