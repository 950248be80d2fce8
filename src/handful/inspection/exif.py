"""EXIF metadata: the camera, and when the picture was taken."""

from dataclasses import dataclass
from datetime import datetime

from PIL import ExifTags
from PIL import Image as Pillow

SERIAL = 0xA431  # BodySerialNumber


@dataclass(frozen=True)
class CaptureInfo:
    """Camera (maker, model, serial number, as far as given) and time of capture, to the second, or None."""

    camera: str
    taken: datetime | None


def read_capture_info(image: Pillow.Image) -> CaptureInfo | None:
    """Camera and time from an opened file's EXIF; None if it has neither."""
    exif = image.getexif()
    if not exif:
        return None
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    words = (exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model), inner.get(SERIAL))
    camera = " ".join(str(word).strip("\0 ") for word in words if word)
    text = inner.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    try:
        taken = datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S") if text else None
    except ValueError:
        taken = None
    return CaptureInfo(camera, taken) if camera or taken else None
