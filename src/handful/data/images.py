"""Decoding of image files and arrays to uint8 RGB, from gray, alpha, palette, CMYK and 16 bits."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8
from PIL import ExifTags, ImageOps, UnidentifiedImageError
from PIL import Image as Pillow

from handful.core.dataset import Image, Sample
from handful.data.formats import DECODERS, FORMATS, HEAD, format_of
from handful.errors import DataError

MAX_PIXELS = 100_000_000  # larger images are refused before they are decoded


def read_image(path: Path) -> Image:
    """The pixels of an image file, uint8 RGB [3 h w] in 0..255, after EXIF rotation.

    Transparent pixels are composited on white. 16-bit gray keeps its full range (65535 becomes 255), float
    gray is expected in [0, 1]. Of several frames or pages the first is read.

    Raises:
        DataError: the file is missing, damaged, of another format, larger than `MAX_PIXELS`, or out of range.
    """
    with open_image(path) as image:
        return decode(image, path)


def read_bytes(data: bytes, *, where: str, most_pixels: int | None = None) -> Image:
    """As `read_image`, from the content of a file. Errors name `where`.

    Raises:
        DataError: as `read_image`.
    """
    with open_image(BytesIO(data), where=where, most_pixels=most_pixels) as image:
        return decode(image, where)


def decode(image: Pillow.Image, path: object) -> Image:
    """The pixels of a file that `open_image` has opened, as `read_image` gives them.

    Raises:
        DataError: values outside what its mode allows.
    """
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        return _from_deep_gray(np.asarray(upright), path)
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        upright = Pillow.alpha_composite(Pillow.new("RGBA", rgba.size, "white"), rgba)
    return _channels_first(np.asarray(upright.convert("RGB")))


def image_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels after EXIF rotation, from the header where the format has it there.

    Raises:
        DataError: as `read_image`, as far as the header shows.
    """
    with open_image(path) as image:
        transposed = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
        if transposed and image.format == "TIFF":  # Pillow turns these itself while it loads
            image.load()
            transposed = False
        w, h = image.size
        return (w, h) if transposed else (h, w)


def from_array(array: npt.NDArray[Any], *, where: object = None) -> Image:
    """An array [h w], [h w 1], [h w 3] or [h w 4] as uint8 RGB [3 h w].

    uint8 stays; uint16 keeps its full range (65535 becomes 255); bool is 0 and 255; float is expected in
    [0, 1]; other integers in 0..255. A fourth channel is alpha; the image is composited on white.

    Args:
        array: the pixels, channels last.
        where: what to name in an error, such as the position in a larger array.

    Raises:
        DataError: another shape, type or range.
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or not array.size:
        raise DataError(
            f"an image array has shape {list(array.shape)}",
            where=where,
            remedy="give [h w], [h w 1], [h w 3] or [h w 4] with the channels last "
            "(numpy.moveaxis(a, 0, -1) moves them there).",
        )
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise _too_large(array.shape[0], array.shape[1], where)
    gray = array[..., None] if array.ndim == 2 else array
    bytes_ = _to_uint8(gray, where)
    if bytes_.shape[2] == 4:
        alpha = bytes_[..., 3:].astype(np.uint16)
        bytes_ = ((bytes_[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return _channels_first(np.broadcast_to(bytes_, (*bytes_.shape[:2], 3)))


def pixels(sample: Sample) -> Image:
    """The sample's pixels, uint8 [3 h w]; files are decoded on every call.

    Raises:
        DataError: its file cannot be read.
    """
    return read_image(sample.image) if isinstance(sample.image, Path) else sample.image


def sample_size(sample: Sample) -> tuple[int, int]:
    """Height and width of the sample's image in pixels.

    Raises:
        DataError: its file cannot be read.
    """
    if isinstance(sample.image, Path):
        return image_size(sample.image)
    h, w = sample.image.shape[1:]
    return h, w


def refuse_other_size(sample: Sample, size: tuple[int, int]) -> None:
    """Refuse a mask whose size differs from its image's `size`, h and w in pixels.

    Raises:
        DataError: names the sample.
    """
    if sample.mask is not None and sample.mask.shape != size:
        (h, w), (own_h, own_w) = sample.mask.shape, size
        raise DataError(
            f"the mask is {h} x {w} and its image {own_h} x {own_w} (height x width)",
            where=sample.id,
            remedy="export the mask at the image's own size, with the same rotation.",
        )


def content_hash(image: Image) -> str:
    """SHA-256 of the size and the decoded pixels: equal for the same image in two lossless files."""
    digest = hashlib.sha256(f"{image.shape[1]}x{image.shape[2]}:".encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()


@contextmanager
def open_image(
    source: Path | BytesIO, *, where: object = None, most_pixels: int | None = None
) -> Iterator[Pillow.Image]:
    """An image file as Pillow opens it, not yet rotated; any exception in the `with` block becomes a `DataError`.

    Raises:
        DataError: the file is missing, damaged, of another format, or has more pixels than `most_pixels` (None:
            `MAX_PIXELS`).
    """
    path = source if where is None else where
    most = MAX_PIXELS if most_pixels is None else most_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # the limit below is ours
            # A file object, not its name: Pillow maps named files into memory, and then scrambles uncompressed
            # TIFFs that are stored on their side.
            opened = source.open("rb") if isinstance(source, Path) else source
            with opened as file, _open(file, path) as image:
                if image.width * image.height > most:
                    raise _too_large(image.height, image.width, path, most)
                yield image
    except DataError:
        raise
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise DataError(
            f"the file cannot be opened ({error.strerror})",
            where=path,
            remedy="check the path and its permissions.",
        ) from error
    except UnidentifiedImageError as error:
        raise DataError(
            "this is not an image that can be read",
            where=path,
            remedy=f"replace or remove the file; formats read are {', '.join(f.name for f in FORMATS if f.readable)}.",
        ) from error
    except Pillow.DecompressionBombError as error:
        raise DataError(
            f"the image is too large: {error}",
            where=path,
            remedy=f"scale it down to {MAX_PIXELS // 1_000_000} megapixels or fewer.",
        ) from error
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise DataError(
            f"the image is damaged or truncated ({error})",
            where=path,
            remedy="replace the file with an intact copy, or remove it.",
        ) from error


def _open(file: BufferedReader | BytesIO, where: object) -> Pillow.Image:
    """The file as Pillow opens it.

    Raises:
        DataError: its content is of a format that an extra would read.
    """
    image_format = format_of(file.read(HEAD))
    file.seek(0)
    if image_format is not None and not image_format.readable:
        raise DataError(
            f"this is a {image_format.name} image, which cannot be read here",
            where=where,
            remedy=f"{image_format.how_to_read}.",
        )
    if image_format is not None and image_format.decoder == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    return Pillow.open(file, formats=DECODERS)


def _too_large(h: int, w: int, where: object, most: int = MAX_PIXELS) -> DataError:
    return DataError(
        f"the image has {h} x {w} pixels, more than {most / 1e6:g} megapixels",
        where=where,
        remedy="scale it down, or cut it into tiles.",
    )


def _from_deep_gray(gray: npt.NDArray[Any], path: object) -> Image:
    """Decode 16-bit gray (which Pillow also returns as int32) and float gray."""
    if gray.dtype.kind in "iu":
        if gray.min() < 0 or gray.max() > 65535:
            raise DataError(
                f"gray values reach from {gray.min()} to {gray.max()}, outside 16 bits",
                where=path,
                remedy="save the image with 8 or 16 unsigned bits per pixel.",
            )
        gray = gray.astype(np.uint16)
    return from_array(gray, where=path)


def _to_uint8(array: npt.NDArray[Any], where: object) -> npt.NDArray[np.uint8]:
    kind = array.dtype.kind
    if array.dtype == np.uint8:
        return array
    if kind == "u" and array.dtype.itemsize == 2:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if kind not in "iuf":
        raise DataError(
            f"an image array has type {array.dtype}", where=where, remedy="give uint8, uint16, bool or float."
        )
    low, high = array.min(), array.max()
    top, unit = (1, "float images in [0, 1]") if kind == "f" else (255, "whole numbers in 0..255")
    if not (low >= 0 and high <= top):  # also true of NaN
        raise DataError(
            f"{array.dtype} pixel values reach from {low:g} to {high:g}",
            where=where,
            remedy=f"give {unit}, or uint8 in 0..255.",
        )
    return np.rint(array * 255.0).astype(np.uint8) if kind == "f" else array.astype(np.uint8)


def _channels_first(rgb: UInt8[np.ndarray, "h w 3"]) -> Image:
    return np.array(rgb.transpose(2, 0, 1), order="C")  # a copy: writable, and of its own memory
