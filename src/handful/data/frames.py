"""Files with several pages or frames, of which only the first is read."""

from pathlib import Path

from handful.core.dataset import Dataset
from handful.core.left_out import LeftOut
from handful.data.images import open_image
from handful.errors import DataError

# Of the formats that are often animated or of several pages; their headers alone are read.
SUFFIXES = frozenset({".tif", ".tiff", ".gif", ".webp", ".apng", ".avif", ".avifs", ".heics", ".dcm", ".dicom"})


def further_frames(data: Dataset) -> tuple[LeftOut, ...]:
    """The files of a data set that have further pages or frames; files that cannot be read have none."""
    names = tuple(s.id for s in data.samples if isinstance(s.image, Path) and _has_further(s.image))
    remedy = "the first of each file counts; save the others as files of their own to use them"
    return (LeftOut("further pages or frames of files", names, remedy),) if names else ()


def _has_further(path: Path) -> bool:
    if path.suffix.lower() not in SUFFIXES:
        return False
    try:
        with open_image(path) as image:
            return bool(getattr(image, "is_animated", False))
    except DataError:
        return False
