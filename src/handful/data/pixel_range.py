"""Bit depth: the range of values that deep images (more than 8 bits per channel) of a data set are scaled by.

A camera or a microscope with 10, 12 or 14 bits writes files with 16 bits per channel, whose full range would make every
image nearly black. The range is therefore found over all deep images of the data set, which are then scaled alike, and
it is stored with the model, so that new images are scaled as the training images were.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from handful.core.dataset import Dataset, Sample
from handful.core.pixel_range import PixelRange
from handful.data.decoding import deep_values, depth_of
from handful.data.images import open_image
from handful.errors import DataError, HandfulWarning, offers, option

DEPTHS = (8, 10, 12, 14, 16)  # bits per channel of cameras and scanners
_SHALLOW = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".bmp",
        ".dib",
        ".gif",
        ".webp",
        ".avif",
        ".avifs",
        ".heic",
        ".heif",
        ".hif",
    ]
)
LOOKED_AT = 64  # images of those to predict
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class _Extent:
    """The extremes of a deep image; `wide`: an array of integers that are not 16 bits, in 0..255 unless larger."""

    low: float
    high: float
    floats: bool
    wide: bool


def parse_window(text: str) -> tuple[float, float]:
    """The value of --window: two numbers, the first below the second.

    Raises:
        DataError: it is not of this form.
    """
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise DataError(
            f"{text!r} is not two numbers", where=option("window", None), remedy="write e.g. --window=-200,800."
        ) from None
    return low, high


def with_pixel_range(
    data: Dataset, *, bit_depth: int | None = None, window: tuple[float, float] | None = None
) -> Dataset:
    """The data set with one range for all its deep images; with images of 8 bits alone it is unchanged.

    Without options, the range is that of the fewest bits (8, 10, 12, 14 or 16) that hold every integer value in the
    data set. With 16 bits, with values that no number of bits holds (negative or above 65,535) and with floats there is
    no range: 16-bit integers keep their full range, and images of other values are refused when they are read.

    Args:
        data: the samples; deep files are read, others are not, or only their headers.
        bit_depth: number of bits of the integer values.
        window: the values that become black and white, for integers and floats.

    Raises:
        DataError: both options are given, or one has an impossible value.
    """
    given = _given(bit_depth, window)
    deep = [s for s in data.samples if is_deep(s)]
    if not deep:
        if given is not None:
            name = "bit_depth" if window is None else "window"
            warn(
                f"no image has more than 8 bits per channel: {option(name, None)} changes nothing",
                HandfulWarning,
                stacklevel=2,
            )
        return data
    found = given if given is not None else _find_range(deep)
    return scaled(data, found)


def scaled(data: Dataset, pixel_range: PixelRange | None) -> Dataset:
    """The data set with this range: a model's, for the images that it predicts."""
    if all(s.pixel_range == pixel_range for s in data.samples):
        return data
    return replace(data, samples=tuple(replace(s, pixel_range=pixel_range) for s in data.samples))


def warn_without_range(samples: Sequence[Sample], pixel_range: PixelRange | None) -> None:
    """A `HandfulWarning` where images hold 14 bits or fewer of 16, and the model that predicts them has no range.

    Args:
        samples: images to predict, of which the first deep ones among `LOOKED_AT` are read.
        pixel_range: the model's.
    """
    if pixel_range is not None:
        return
    deep = [s for s in samples[:LOOKED_AT] if is_deep(s)]
    extents = [e for e in map(_extent, deep) if e is not None and not e.floats and not e.wide]
    high = max((e.high for e in extents), default=0)
    bits = next((bits for bits in DEPTHS if high < 2**bits), 16)
    if extents and min(e.low for e in extents) >= 0 and bits < 16:
        warn(
            f"the values of 16-bit images reach up to {high:,.0f} of 65,535, and the model was trained on images of "
            f"the full range or of 8 bits: these look dark to it. Save them as 8-bit images (value x 255 / "
            f"{2**bits - 1}), or train on such images with {option('bit_depth', bits)}",
            HandfulWarning,
            stacklevel=3,
        )


def read_pixel_range(content: Any) -> PixelRange | None:
    """The range that a model's file stores; None: it stores none.

    Raises:
        ValueError: it is not a range.
    """
    if content is None:
        return None
    if not isinstance(content, dict) or not {"low", "high", "window"} <= content.keys():
        raise ValueError("the pixel range is not a table of low, high and window")
    low, high, window = (content[key] for key in ("low", "high", "window"))
    if not (isinstance(low, int | float) and isinstance(high, int | float) and -1e300 < low < high < 1e300):
        raise ValueError(f"a pixel range from {low!r} to {high!r}")
    return PixelRange(float(low), float(high), bool(window))


def common_range(samples: Sequence[Sample]) -> PixelRange | None:
    """The range that samples have in common.

    Raises:
        DataError: they have different ones.
    """
    first = samples[0].pixel_range if samples else None
    other = next((s for s in samples if s.pixel_range != first), None)
    if other is not None:
        raise DataError(
            "images are scaled to 8 bits by different ranges",
            where=f"{samples[0].id}, {other.id}",
            remedy="load them together, or with the same bit depth or window.",
        )
    return first


def is_deep(sample: Sample) -> bool:
    """Whether a sample's image has more than 8 bits per channel; False if its file cannot be read."""
    if not isinstance(sample.image, Path):
        return bool(sample.image.dtype != np.uint8)
    if sample.image.suffix.lower() in _SHALLOW:
        return False
    try:
        with sample.image.open("rb") as file:
            head = file.read(26)
        if head.startswith(_PNG):
            return head[24:25] == b"\x10"
        with open_image(sample.image) as image:
            return depth_of(image) != "8-bit" and image.format != "PPM"
    except (OSError, DataError):
        return False


def _given(bit_depth: int | None, window: tuple[float, float] | None) -> PixelRange | None:
    if bit_depth is not None and window is not None:
        raise DataError(
            f"{option('bit_depth', None)} and {option('window', None)} are both given",
            remedy="give one of them: a window is a range of its own.",
        )
    if bit_depth is not None:
        if not 1 <= bit_depth <= 16:
            raise DataError(
                f"{bit_depth} is not a number of bits", where=option("bit_depth", None), remedy="give 1 to 16."
            )
        return PixelRange.of_bits(bit_depth)
    if window is None:
        return None
    low, high = window
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise DataError(
            f"{low:g} to {high:g} is not a range",
            where=option("window", None),
            remedy="give two numbers, the value that becomes black first.",
        )
    return PixelRange(float(low), float(high), window=True)


def _find_range(deep: Sequence[Sample]) -> PixelRange | None:
    extents = [extent for extent in map(_extent, deep) if extent is not None and not extent.floats]
    if not extents:
        return None
    low, high = min(e.low for e in extents), max(e.high for e in extents)
    if low < 0 or high > PixelRange.of_bits(16).high:
        return None
    wide = any(e.wide for e in extents)
    if all(e.wide for e in extents) and high <= 255:
        return None
    bits = next(bits for bits in DEPTHS if high < 2**bits)
    if bits == 16:
        return PixelRange.of_bits(16) if wide else None
    ways = f" ({option('bit_depth', 'N')} or {option('window', 'LOW,HIGH')} changes this)" if offers("window") else ""
    warn(
        f"{len(extents):,} {'image has' if len(extents) == 1 else 'images have'} more than 8 bits per channel, with "
        f"values up to {high:,.0f}: all are read as {bits}-bit images, 0 black and {2**bits - 1:,} white{ways}",
        HandfulWarning,
        stacklevel=3,
    )
    return PixelRange.of_bits(bits)


def _extent(sample: Sample) -> _Extent | None:
    """The extremes of a deep image; None if it cannot be read, which whoever reads it next will report."""
    try:
        strips = list(_extremes(sample))
    except DataError:
        return None
    if not strips:
        return None
    kinds = {kind for _, _, kind in strips}
    low, high = min(low for low, _, _ in strips), max(high for _, high, _ in strips)
    file = isinstance(sample.image, Path)
    return _Extent(low, high, floats=kinds == {"f"}, wide=not file and sample.image.dtype != np.uint16)  # type: ignore[union-attr]


def _extremes(sample: Sample) -> Iterator[tuple[float, float, str]]:
    def of(values: npt.NDArray[Any]) -> tuple[float, float, str]:
        return float(values.min()), float(values.max()), values.dtype.kind

    if not isinstance(sample.image, Path):
        yield of(sample.image[:3])  # without alpha
        return
    with open_image(sample.image) as image:
        if image.format == "DICOM":  # each file names a window of its own
            return
        for strip in deep_values(image):
            yield of(strip[..., :3] if strip.ndim == 3 and strip.shape[2] == 4 else strip)
