"""What a camera wrote into the file: which one it was, and when the picture was taken."""

from dataclasses import dataclass
from datetime import datetime

from PIL import ExifTags
from PIL import Image as Pillow

SERIAL = 0xA431  # BodySerialNumber


@dataclass(frozen=True)
class Shot:
    """`camera`: maker, model and serial number as far as they are there. `taken`: to the second, or None."""

    camera: str
    taken: datetime | None


def read_shot(image: Pillow.Image) -> Shot | None:
    """What EXIF says of an opened file; None where it says nothing of either."""
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
    return Shot(camera, taken) if camera or taken else None
