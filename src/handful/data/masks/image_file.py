"""Reading and writing of masks as image files."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL import ImageOps

from handful.core.dataset import Dataset, Mask
from handful.core.files import refuse_existing, safe_path
from handful.data.images import open_image
from handful.data.masks.gray_levels import HALF, foreground_level
from handful.data.masks.provenance import source_chunk
from handful.errors import DataError

Value = int | tuple[int, int, int]


def read_mask(path: Path, *, value: Value | None = None) -> Mask:
    """A mask from an image file: True where any channel is not zero.

    Palette images count by index, as most tools write class masks, unless `value` is a color. Fully
    transparent pixels are background; where all visible pixels are black, alpha alone is the mask. In a
    mask that was compressed with loss, or has soft edges, foreground starts at half brightness (128): always in a JPEG,
    and elsewhere if the pixels show it (`gray_levels`). EXIF rotation is applied. Of several pages the first is read.

    Args:
        path: the file.
        value: only this gray level (or palette index), or this RGB color, is foreground.

    Raises:
        DataError: the file cannot be read.
    """
    with open_image(path) as opened:
        return _mask(opened, value)


def mask_from_bytes(content: bytes, *, where: str, size: tuple[int, int]) -> Mask:
    """As `read_mask`, from the content of a file that is part of an annotation.

    Args:
        content: the image file.
        where: the annotation, for errors.
        size: most rows and columns that it may have.

    Raises:
        DataError: it cannot be read, or is larger.
    """
    with open_image(BytesIO(content), where=where) as opened:
        if opened.height > size[0] or opened.width > size[1]:
            what = f"a mask of {opened.height}x{opened.width} reaches over the image's edge"
            raise DataError(what, where=where, remedy="export the file again, or fix the entry.")
        return _mask(opened, None)


def pages(path: Path) -> int:
    """Number of pages or frames of an image file.

    Raises:
        DataError: the file cannot be read.
    """
    with open_image(path) as opened:
        return int(getattr(opened, "n_frames", 1))


def _mask(opened: Picture.Image, value: Value | None) -> Mask:
    picture = ImageOps.exif_transpose(opened)
    picture.load()
    if _is_lossy(opened) and value is None:
        brightness = np.asarray(picture.convert("RGB")).max(axis=2)
        if opened.format in ("JPEG", "MPO") or brightness.max() >= HALF:
            return np.asarray(brightness >= HALF)
    if picture.mode == "P" and not isinstance(value, tuple):
        indices = np.asarray(picture)
        soft = _soft_palette(picture) if value is None else None
        return _equal(indices[..., None], value) if soft is None else soft
    if picture.mode in ("P", "PA") or picture.has_transparency_data:
        rgba = np.asarray(picture.convert("RGBA"))
        visible = rgba[..., 3] > 0
        foreground = _equal(rgba[..., :3] * visible[..., None], value) & visible
        all_black = value is None and not rgba[..., :3][visible].any()
        return _equal(rgba[..., 3:], None) if all_black else foreground
    pixels = np.asarray(picture)
    return _equal(pixels[..., None] if pixels.ndim == 2 else pixels, value)


def _is_lossy(opened: Picture.Image) -> bool:
    """Whether the file's format is known to compress with loss; others may or may not."""
    jpeg_in_tiff = opened.format == "TIFF" and "jpeg" in str(opened.info.get("compression"))
    return opened.format in ("JPEG", "MPO", "AVIF", "HEIF") or jpeg_in_tiff


def _soft_palette(picture: Picture.Image) -> Mask | None:
    """The foreground of a palette image whose palette is gray and whose pixels show loss or soft edges; else None."""
    palette = np.asarray(picture.convert("RGB"))
    gray = palette[..., 0]
    if not (palette == gray[..., None]).all():
        return None
    level = foreground_level(gray)
    return None if level is None else np.asarray(gray >= level)


def _equal(pixels: np.ndarray, value: Value | None) -> Mask:
    """Pixels [h w c] that equal the value in every channel; None: that are foreground by their brightness."""
    if value is None:
        brightness = pixels.max(axis=2)
        if pixels.dtype == bool:
            return np.asarray(brightness)
        colored = np.count_nonzero(brightness - pixels.min(axis=2) > 8) if pixels.shape[2] > 1 else 0
        level = foreground_level(brightness, is_gray=bool(colored <= brightness.size / 100))
        return np.asarray(pixels.astype(bool).any(axis=2) if level is None else brightness >= level)
    if pixels.shape[2] == 1 and isinstance(value, tuple):
        if len(set(value)) > 1:
            return np.zeros(pixels.shape[:2], dtype=bool)
        value = value[0]
    return np.asarray((pixels == np.array(value)).all(axis=2))


def write_mask(path: Path, mask: Mask, *, source: str | None = None, overwrite: bool = False) -> None:
    """Write a mask as a PNG of 0 and 255; parent folders are created.

    Args:
        path: the file.
        mask: the mask.
        source: what made it, as `Sample.mask_source`; the file says so, unless a person did.
        overwrite: replace the file.

    Raises:
        OutputError: the file exists and `overwrite` is false.
    """
    refuse_existing(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(mask.astype(np.uint8) * 255).save(path, format="PNG", pnginfo=source_chunk(source))


def write_masks(data: Dataset, folder: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write every sample's mask to `folder`, mirroring the images: "cat/001.jpg" becomes "cat/001.jpg.png".

    `attach_masks` reads such a folder back, with the source of each mask. Samples without a mask get no file.

    Raises:
        OutputError: a file exists and `overwrite` is false; nothing is written then.
        DataError: an id is a path that leads out of the folder.
    """
    jobs = [(safe_path(folder, f"{s.id}.png"), s.mask, s.mask_source) for s in data.samples if s.mask is not None]
    for path, _, _ in jobs:
        refuse_existing(path, overwrite=overwrite)
    for path, mask, source in jobs:
        write_mask(path, mask, source=source, overwrite=overwrite)
    return tuple(path for path, _, _ in jobs)
