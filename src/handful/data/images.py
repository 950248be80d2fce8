"""Images of files and arrays as uint8 RGB, from gray, alpha, palette, CMYK and more than 8 bits per channel."""

import hashlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import SEEK_END, BufferedReader, BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, UnidentifiedImageError
from PIL import Image as Pillow

from handful.core.dataset import DeepImage, Image, Sample
from handful.core.pixel_range import PixelRange
from handful.data.decoding import MAX_PIXELS, decode, decode_values, refuse_large, too_large
from handful.data.dicom import register as register_dicom
from handful.data.formats import DECODERS, FORMATS, HEAD, format_of
from handful.data.pixel_values import composite_on_white, to_uint8
from handful.data.tiff_pixels import describe_pixels
from handful.errors import DataError

LARGE = 10_000_000  # pixels; larger images are decoded one at a time where threads decode several
_LARGE = Lock()


def read_image(
    path: Path, *, pixel_range: PixelRange | None = None, finish: Callable[[Image], Image] | None = None
) -> Image:
    """The pixels of an image file, uint8 RGB [3 h w] in 0..255, after EXIF rotation.

    Transparent pixels are composited on white. Images of more than 8 bits per channel are scaled by `pixel_range`.
    Of several frames or pages the first is read. A progressive JPEG of more than about 50 megapixels is decoded at half
    its size (`handful.data.decoding.refuse_costly`).

    Args:
        path: the file.
        pixel_range: the values of a deep image that become 0 and 255; None: 16-bit images keep their full range
            (65535 becomes 255), and float gray is expected in [0, 1].
        finish: applied to the pixels, such as resizing; threads do so for one large image at a time.

    Raises:
        DataError: the file is missing, damaged, of another format, too large to decode, or out of range.
    """
    return _read(path, path, None, pixel_range, finish)


def read_bytes(
    data: bytes,
    *,
    where: str,
    most_pixels: int | None = None,
    pixel_range: PixelRange | None = None,
    finish: Callable[[Image], Image] | None = None,
) -> Image:
    """As `read_image`, from the content of a file. Errors name `where`.

    Raises:
        DataError: as `read_image`.
    """
    return _read(BytesIO(data), where, most_pixels, pixel_range, finish)


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


def from_array(array: npt.NDArray[Any], *, where: object = None, pixel_range: PixelRange | None = None) -> Image:
    """An array [h w], [h w 1], [h w 3] or [h w 4] as uint8 RGB [3 h w].

    uint8 stays; bool is 0 and 255. Without a range uint16 keeps its full range (65535 becomes 255), float is expected
    in [0, 1], and other integers in 0..255. A fourth channel is alpha; the image is composited on white.

    Args:
        array: the pixels, channels last.
        where: what to name in an error, such as the position in a larger array.
        pixel_range: the values of integers, and with a window of floats too, that become 0 and 255.

    Raises:
        DataError: another shape, type or range.
    """
    refuse_shape(array, where)
    bytes_ = to_uint8(array[..., None] if array.ndim == 2 else array, where, pixel_range)
    if bytes_.shape[2] == 4:
        bytes_ = composite_on_white(bytes_)
    return np.array(np.broadcast_to(bytes_, (*bytes_.shape[:2], 3)).transpose(2, 0, 1), order="C")  # always a copy


def deep_array(array: npt.NDArray[Any], *, where: object = None) -> Image | DeepImage:
    """An array as `Sample.image`: uint8 and bool as `from_array` gives them, others as they are, channels first.

    Raises:
        DataError: another shape or type.
    """
    if array.dtype == np.uint8 or array.dtype.kind not in "iuf":
        return from_array(array, where=where)
    refuse_shape(array, where)
    return np.moveaxis(array[..., None] if array.ndim == 2 else array, -1, 0)


def refuse_shape(array: npt.NDArray[Any], where: object) -> None:
    """Refuse an array whose shape is no image's.

    Raises:
        DataError: names the shape.
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or not array.size:
        raise DataError(
            f"an image array has shape {list(array.shape)}",
            where=where,
            remedy="give [h w], [h w 1], [h w 3] or [h w 4] with the channels last "
            "(numpy.moveaxis(a, 0, -1) moves them there).",
        )
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise too_large(array.shape[0], array.shape[1], where, MAX_PIXELS)


def pixels(sample: Sample) -> Image:
    """The sample's pixels, uint8 [3 h w]; files are decoded, and deep images scaled, on every call.

    Raises:
        DataError: its file cannot be read, or its values are out of range.
    """
    if isinstance(sample.image, Path):
        return read_image(sample.image, pixel_range=sample.pixel_range)
    if sample.image.dtype == np.uint8:
        return sample.image
    return from_array(np.moveaxis(sample.image, 0, -1), where=sample.id, pixel_range=sample.pixel_range)


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
    if sample.mask is not None and sample.mask.shape not in (size, sample_size(sample)):  # a reduced JPEG has two
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


def read_values(data: bytes, *, where: str) -> Image | DeepImage:
    """The image in the content of a file, as `Sample.image`: deep ones with the values that the file stores.

    Raises:
        DataError: as `read_image`.
    """
    with open_image(BytesIO(data), where=where) as image:
        return decode_values(image, where)


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
            with opened as file:
                empty = file.seek(0, SEEK_END) == 0
                file.seek(0)
                with _open(file, path) as image:
                    refuse_large(image, path, most)
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
            "the file is empty" if empty else "this is not an image that can be read",
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
        DataError: its content is of a format that an extra would read, or a TIFF with pixels that Pillow does not read.
    """
    image_format = format_of(file.read(HEAD))
    file.seek(0)
    if image_format is not None and not image_format.readable:
        raise DataError(
            f"this is a {image_format.name} image, which cannot be read here",
            where=where,
            remedy=f"{image_format.how_to_read}.",
        )
    if image_format is None or not image_format.extra:
        try:
            return Pillow.open(file, formats=DECODERS)
        except UnidentifiedImageError as error:
            pixels = describe_pixels(file) if image_format is not None and image_format.name == "TIFF" else None
            if pixels is None:
                raise
            raise DataError(
                f"a TIFF image with {pixels} values, which are not read",
                where=where,
                remedy="save it with 1, 3 or 4 channels of 8 or 16 unsigned bits, or 1 channel of 32-bit float.",
            ) from error
    if image_format.decoder == "DICOM":
        register_dicom()
    else:
        from pillow_heif import register_heif_opener

        register_heif_opener()
    return Pillow.open(file, formats=(image_format.decoder,))


def _read(
    source: Path | BytesIO,
    where: object,
    most_pixels: int | None,
    pixel_range: PixelRange | None,
    finish: Callable[[Image], Image] | None,
) -> Image:
    with ExitStack() as turn:
        with open_image(source, where=where, most_pixels=most_pixels) as image:
            if image.width * image.height > LARGE:
                turn.enter_context(_LARGE)
            decoded = decode(image, where, pixel_range)
        del image  # its memory is free before `finish` takes more
        return decoded if finish is None else finish(decoded)
