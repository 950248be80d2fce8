"""Images for the browser: the file itself if the browser decodes it exactly as handful does, else a PNG; thumbnails."""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import ExifTags
from PIL import Image as Picture

from handful.core.dataset import Image, Mask
from handful.data.images import open_image, read_image
from handful.reports.overlay import paint_regions, palette

PLAIN = {"JPEG": ("image/jpeg", ("RGB", "L")), "PNG": ("image/png", ("RGB", "L", "1", "P"))}


def for_browser(path: Path) -> tuple[bytes, str]:
    """An image's bytes and media type; pixels are upright and those that handful works on.

    Raises:
        DataError: it cannot be read.
    """
    with open_image(path) as picture:
        kind, modes = PLAIN.get(picture.format or "", ("", ()))
        turned = picture.getexif().get(ExifTags.Base.Orientation, 1) != 1
        if picture.mode in modes and not turned and not picture.has_transparency_data:
            return path.read_bytes(), kind
    return as_png(read_image(path)), "image/png"


def as_png(image: Image) -> bytes:
    """Pixels as a PNG, compressed for speed rather than size."""
    file = io.BytesIO()
    Picture.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(file, format="PNG", compress_level=1)
    return file.getvalue()


def thumbnail(path: Path, mask: Mask | None, side: int) -> bytes:
    """A small JPEG of an image, with its mask painted over it if there is one.

    Raises:
        DataError: it cannot be read.
    """
    facts = path.stat()
    image = _small(path, side, facts.st_mtime_ns, facts.st_size)
    if mask is not None:
        h, w = image.shape[1:]
        small = Picture.fromarray(mask.astype(np.uint8) * 255).resize((w, h), Picture.Resampling.BOX)
        image = paint_regions(image, (np.asarray(small) >= 128).astype(np.int64), palette(1), tint=0.45)
    file = io.BytesIO()
    Picture.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(file, format="JPEG", quality=85)
    return file.getvalue()


@lru_cache(maxsize=2000)
def _small(path: Path, side: int, changed: int, size: int) -> Image:  # noqa: ARG001
    with open_image(path) as picture:
        if picture.format == "JPEG":
            picture.draft("RGB", (2 * side, 2 * side))
            upright = picture.getexif().get(ExifTags.Base.Orientation, 1) == 1
            if upright and picture.mode in ("RGB", "L"):
                picture.thumbnail((side, side))
                return np.array(np.asarray(picture.convert("RGB")).transpose(2, 0, 1), order="C")
    whole = Picture.fromarray(np.ascontiguousarray(read_image(path).transpose(1, 2, 0)))
    whole.thumbnail((side, side))
    return np.array(np.asarray(whole).transpose(2, 0, 1), order="C")
