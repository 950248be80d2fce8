"""Mask files that carry their own version: PNGs of one bit, replaced whole or not at all."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from handful.core.dataset import Mask
from handful.core.files import sync_folder, write_atomically
from handful.data.images import open_image

CHUNK = "handful"  # the PNG's text chunk that holds the rest


@dataclass(frozen=True)
class Stamp:
    """What a mask file says of itself.

    `version` counts the image's changes; `key` names the last one, so that a repeated request is known again;
    `source` is the tool that made it.
    """

    version: int
    key: str = ""
    source: str = "brush"


def read_stamp(path: Path) -> Stamp | None:
    """The stamp of a mask file; None where another program wrote it.

    Raises:
        DataError: it cannot be read as an image.
    """
    with open_image(path) as picture:
        text = getattr(picture, "text", {}).get(CHUNK)
    try:
        found = json.loads(text or "")
        return Stamp(int(found["version"]), str(found["key"]), str(found["source"]))
    except (ValueError, KeyError, TypeError):
        return None


def replace_mask(path: Path, mask: Mask, stamp: Stamp) -> None:
    """Put a mask in the place of the one at `path`; it is durable when this returns."""
    about = PngInfo()
    about.add_text(CHUNK, json.dumps(asdict(stamp)))
    with write_atomically(path) as draft, draft.open("xb") as file:  # never through a link that waits there
        Picture.fromarray(mask).save(file, format="PNG", pnginfo=about, compress_level=1)


def remove_mask(path: Path) -> None:
    """Delete a mask file, durably."""
    if path.exists():
        path.unlink()
        sync_folder(path.parent)
