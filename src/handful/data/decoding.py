"""Decoding of opened images to uint8 RGB, in strips, so that no more than two copies of an image are in memory."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, ImageFile
from PIL import Image as Pillow

from handful.core.dataset import DeepImage, Image
from handful.core.pixel_range import PixelRange
from handful.data.dicom import INVERTED, WINDOW
from handful.data.pixel_values import applies, composite_on_white, refuse_outside_16_bits, to_uint8
from handful.errors import DataError

STRIP = 2**22  # pixels that are converted at a time
MAX_PIXELS = 100_000_000  # of an image; larger ones are refused before they are decoded
MAX_SIDE = 1_000_000  # of an image: decoders take time and memory for every row
BYTES_PER_PIXEL = 7  # of the decoder (RGB: 4, as Pillow stores it) and of the result (3)
_ROW = 64  # bytes that Pillow takes for a row, however short it is
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}  # bytes per pixel; other modes: 4
_CODEC = {"WEBP": 8, "AVIF": 8, "HEIF": 8, "JPEG2000": 12}  # what the decoder holds beside it, per pixel
Depth = Literal["8-bit", "integer", "float"]


def depth_of(image: Pillow.Image) -> Depth:
    """Whether an opened image has more than 8 bits per channel, and of which kind its values are."""
    if image.mode == "F":
        return "float"
    if image.mode.startswith("I") or _is_deep_color(image):
        return "integer"
    return "8-bit"


def decode(image: Pillow.Image, path: object, pixel_range: PixelRange | None = None) -> Image:
    """The pixels of a file that `open_image` has opened, as `read_image` gives them.

    Raises:
        DataError: values outside what its mode allows.
    """
    refuse_costly(image, path)
    if image.format == "PPM" and pixel_range is not None and not pixel_range.window:
        pixel_range = None  # its header says the largest value, and Pillow has scaled it to 16 bits
    if image.format == "DICOM" and (pixel_range is None or not pixel_range.window):
        pixel_range = image.info.get(WINDOW)
    inverted = bool(image.info.get(INVERTED))
    if pixel_range is not None and _is_deep_color(image):
        values = _deep_color(image)
        h, w = values.shape[:2]
        strips: Iterator[tuple[int, npt.NDArray[Any]]] = ((a, values[a:b]) for a, b in _rows(h, w))
        orientation = _orientation(image)
    else:
        image.load()
        w, h = image.size
        orientation = _orientation(image)
        strips = _strips(image, path, pixel_range)
    turned = orientation in (5, 6, 7, 8)
    upright = np.empty((3, w, h) if turned else (3, h, w), np.uint8)
    stored = _unrotated(upright, orientation)
    for start, strip in strips:
        rgb = strip if strip.dtype == np.uint8 else to_uint8(strip, path, pixel_range)
        if rgb.ndim == 3 and rgb.shape[2] in (2, 4):
            rgb = composite_on_white(rgb)
        rgb = 255 - rgb if inverted else rgb
        stored[:, start : start + len(rgb)] = rgb.transpose(2, 0, 1) if rgb.ndim == 3 else rgb
    return upright


def deep_values(image: Pillow.Image) -> Iterator[npt.NDArray[Any]]:
    """The values of an opened image with more than 8 bits per channel, a strip at a time."""
    if _is_deep_color(image):
        yield _deep_color(image)
        return
    image.load()
    for a, b in _rows(image.height, image.width):
        yield np.asarray(image.crop((0, a, image.width, b)))


def decode_values(image: Pillow.Image, path: object) -> Image | DeepImage:
    """An opened image as `decode` gives it; of more than 8 bits per channel [c h w] with the values of its file.

    PPM and DICOM state their range themselves, and are decoded by it.
    """
    if depth_of(image) == "8-bit" or image.format in ("PPM", "DICOM"):
        return decode(image, path)
    refuse_costly(image, path)
    values = np.concatenate(list(deep_values(image)))
    if values.dtype.kind != "f" and values.min() >= 0 and values.max() < 2**16:
        values = values.astype(np.uint16)
    values = np.atleast_3d(values)
    h, w, c = values.shape
    orientation = _orientation(image)
    upright = np.empty((c, w, h) if orientation in (5, 6, 7, 8) else (c, h, w), values.dtype)
    _unrotated(upright, orientation)[:] = values.transpose(2, 0, 1)
    return upright


def refuse_large(image: Pillow.Image, where: object, most: int = MAX_PIXELS) -> None:
    """Refuse an opened image with more than `most` pixels, or a side that is too long.

    Raises:
        DataError: names its size.
    """
    w, h = image.size
    if w * h > most:
        raise too_large(h, w, where, most)
    if max(w, h) > MAX_SIDE:
        raise DataError(
            f"the image has {h} x {w} pixels, a side of more than {MAX_SIDE:,}",
            where=where,
            remedy="cut it into tiles.",
        )


def too_large(h: int, w: int, where: object, most: int) -> DataError:
    """The error for an image with more than `most` pixels."""
    return DataError(
        f"the image has {h} x {w} pixels, more than {most / 1e6:g} megapixels",
        where=where,
        remedy="scale it down, or cut it into tiles.",
    )


def refuse_costly(image: Pillow.Image, where: object) -> None:
    """Refuse an opened image that would take too much memory to decode, or set a JPEG to half its size.

    The limit is what an RGB image of `MAX_PIXELS` takes: 4 bytes per pixel as Pillow stores it and 3 as an array.
    Decoders that keep copies of their own, such as WebP's, may have fewer pixels. A progressive JPEG, whose decoder
    keeps all coefficients, is decoded at half its size where it would exceed the limit (about 50 megapixels).

    Raises:
        DataError: names the memory, and a size that would do.
    """
    limit, needed = BYTES_PER_PIXEL * MAX_PIXELS + _ROW * MAX_SIDE, _bytes_needed(image)
    if needed <= limit or _reduce(image):
        return
    w, h = image.size
    raise DataError(
        f"the image has {h} x {w} pixels, which takes {needed / 1e9:.1f} GB to decode as {image.format}",
        where=where,
        remedy=f"scale it down to {int(limit / needed * w * h / 1e6)} megapixels, or save it as baseline JPEG or PNG.",
    )


def _bytes_needed(image: Pillow.Image) -> int:
    """Estimate of the memory that decoding takes, with the result."""
    w, h = image.size
    per_pixel = _STORED.get(image.mode, 4) + 3 + _CODEC.get(image.format or "", 0)
    if _is_deep_color(image):
        per_pixel = max(per_pixel, 6 + 3)
    if image.info.get("progressive") or image.info.get("progression"):
        per_pixel += 2 * len(image.getbands())
    return w * h * per_pixel + _ROW * h


def _reduce(image: Pillow.Image) -> bool:
    """Set a JPEG to be decoded at half its size; whether that is possible."""
    if not isinstance(image, ImageFile.ImageFile) or image.format != "JPEG":
        return False
    w, h = image.size
    image.draft(None, (max(1, w // 2), max(1, h // 2)))
    return image.size != (w, h)


def _strips(
    image: Pillow.Image, path: object, pixel_range: PixelRange | None
) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """The rows of an image in strips, each as uint8 RGB or gray, or as values of more than 8 bits."""
    deep = image.mode.startswith("I") or image.mode == "F"
    scaled = applies(pixel_range, floats=image.mode == "F")
    if deep and not scaled:
        _refuse_outside(image, path)
    alpha = not deep and image.has_transparency_data
    for a, b in _rows(image.height, image.width):
        strip = image if b - a == image.height else image.crop((0, a, image.width, b))
        if deep:
            values = np.asarray(strip)
            yield a, values if scaled or image.mode == "F" else values.astype(np.uint16)
        elif alpha:
            rgba = strip.convert("RGBA")
            white = Pillow.new("RGBA", rgba.size, "white")
            yield a, np.asarray(Pillow.alpha_composite(white, rgba).convert("RGB"))
        else:
            yield a, np.asarray(strip.convert("RGB") if strip.mode not in ("RGB", "L") else strip)


def _rows(h: int, w: int) -> Iterator[tuple[int, int]]:
    step = max(1, STRIP // max(1, w))
    yield from ((a, min(h, a + step)) for a in range(0, h, step))


def _refuse_outside(image: Pillow.Image, path: object) -> None:
    """Refuse values that need a range, by the extremes of the whole image rather than of a strip."""
    if image.mode.startswith("I;16"):
        return
    strips = (np.asarray(image.crop((0, a, image.width, b))) for a, b in _rows(image.height, image.width))
    extremes = [(float(strip.min()), float(strip.max())) for strip in strips]
    low, high = min(low for low, _ in extremes), max(high for _, high in extremes)
    if image.mode == "F":
        to_uint8(np.array([low, high], np.float32), path)
    else:
        refuse_outside_16_bits(low, high, path)


def _orientation(image: Pillow.Image) -> int:
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))


def _unrotated(upright: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """A view of the upright image [c h w] with rows and columns as the file stores them, for an EXIF orientation."""
    turned = upright.transpose(0, 2, 1) if orientation in (5, 6, 7, 8) else upright
    backward = slice(None, None, -1)
    rows = backward if orientation in (3, 4, 6, 7) else slice(None)
    columns = backward if orientation in (2, 3, 7, 8) else slice(None)
    return turned[:, rows, columns]


def _is_deep_color(image: Pillow.Image) -> bool:
    """Whether a color image, or a gray one with alpha, has 16 bits per channel in its file: Pillow drops half."""
    if image.format not in ("PNG", "TIFF") or image.mode not in ("RGB", "RGBA", "RGBX", "LA"):
        return False
    return any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def _deep_color(image: Pillow.Image) -> npt.NDArray[Any]:
    """All 16 bits of a color image [h w 3 or 4], as the file stores it."""
    import cv2

    file = image.fp  # type: ignore[attr-defined]
    file.seek(0)
    data = np.frombuffer(file.getbuffer() if isinstance(file, BytesIO) else file.read(), np.uint8)
    values: npt.NDArray[Any] | None = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ValueError("its 16 bits per channel cannot be decoded")
    return values[..., None] if values.ndim == 2 else values[..., [2, 1, 0, *range(3, values.shape[2])]]
