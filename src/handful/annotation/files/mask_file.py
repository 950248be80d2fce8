"""Mask files: one-bit PNGs with their version as metadata, replaced whole or not at all."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from handful.core.dataset import Mask
from handful.core.files import sync_folder, write_atomically
from handful.core.parsing import parse_json
from handful.data.images import open_image
from handful.data.masks.provenance import TEXT_CHUNK


@dataclass(frozen=True)
class MaskMetadata:
    """Metadata in a mask file.

    `version` counts the image's changes; `key` names the last one, so that a repeated request is recognized;
    `source` is the tool that made it.
    """

    version: int
    key: str = ""
    source: str = "brush"


def read_mask_metadata(path: Path) -> MaskMetadata | None:
    """The metadata of a mask file; None if another program wrote it.

    Raises:
        DataError: it cannot be read as an image.
    """
    with open_image(path) as picture:
        text = getattr(picture, "text", {}).get(TEXT_CHUNK)
    try:
        values = parse_json(text if isinstance(text, str) else "")
        return MaskMetadata(int(values["version"]), str(values["key"]), str(values["source"]))
    except (ValueError, KeyError, TypeError):
        return None


def replace_mask(path: Path, mask: Mask, metadata: MaskMetadata) -> None:
    """Replace the mask at `path`; the new one survives a power failure once this returns."""
    about = PngInfo()
    about.add_text(TEXT_CHUNK, json.dumps(asdict(metadata)))
    with write_atomically(path) as draft, draft.open("xb") as file:  # never through a link that waits there
        Picture.fromarray(mask).save(file, format="PNG", pnginfo=about, compress_level=1)


def remove_mask(path: Path) -> None:
    """Delete a mask file, durably."""
    if path.exists():
        path.unlink()
        sync_folder(path.parent)
