"""Provenance of mask files: what made a mask, in the PNG itself, and what the model behind propagated masks saw.

A mask that a program made has its source in a text chunk of its file, or in an entry of COCO, labelme or Label Studio
JSON. `provenance.json`, in the folder of the masks, or `NAME.provenance.json` beside such a JSON file, names the model
that predicted them and the images that it was trained on. Without that file a propagated mask is taken for one of a
model that has seen every image.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL.PngImagePlugin import PngInfo

from handful.core.dataset import Dataset
from handful.core.files import write_atomically
from handful.core.parsing import parse_json, read_json
from handful.data.fingerprint import image_digest
from handful.data.images import open_image
from handful.errors import DataError

FILE = "provenance.json"
FORMAT = 1
TEXT_CHUNK = "handful"  # keyword of the PNG text chunk
# What a chunk or entry may name; every other mask is "hand".
SOURCES = ("binarize", "grabcut", "salient", "cut", "paired", "propagated")


@dataclass(frozen=True)
class Provenance:
    """The model behind the propagated masks of a folder.

    Attributes:
        model: name of its recipe, or the folder that it was loaded from.
        saw: image id to image digest (`handful.data.fingerprint.image_digest`) of its training images; None: unknown.
    """

    model: str
    saw: dict[str, str] | None

    def joined(self, other: "Provenance | None") -> "Provenance":
        """The provenance of masks of both models together: these have seen the images of either."""
        if other is None:
            return self
        known = None if self.saw is None or other.saw is None else other.saw | self.saw
        return Provenance(self.model, known)


def source_chunk(source: str | None) -> PngInfo | None:
    """The text chunk of a mask file of this source; None for one that was drawn by hand."""
    if source not in SOURCES:
        return None
    chunk = PngInfo()
    chunk.add_text(TEXT_CHUNK, json.dumps({"source": source}))
    return chunk


def read_source(path: Path) -> str:
    """What made the mask in a file; "hand" if the file does not say.

    Raises:
        DataError: it cannot be read as an image.
    """
    with open_image(path) as picture:
        text = getattr(picture, "text", {}).get(TEXT_CHUNK)
    try:
        source = parse_json(text if isinstance(text, str) else "")["source"]
    except (ValueError, KeyError, TypeError):
        return "hand"
    return source if source in SOURCES else "hand"


def source_entry(source: str | None) -> dict[str, Any]:
    """What an annotation or a shape in JSON has to say of its source: nothing of one that was drawn by hand."""
    return {TEXT_CHUNK: {"source": source}} if source in SOURCES else {}


def source_of_entry(entry: object) -> str:
    """What made an annotation or a shape in JSON; "hand" if it does not say."""
    told = entry.get(TEXT_CHUNK) if isinstance(entry, Mapping) else None
    source = told.get("source") if isinstance(told, Mapping) else None
    return source if isinstance(source, str) and source in SOURCES else "hand"


def provenance_path(masks: Path) -> Path:
    """Where the provenance of a folder of masks is, or of one JSON file with masks."""
    return masks.with_suffix(f".{FILE}") if masks.suffix.lower() == ".json" else masks / FILE


def least_sure(sources: Iterable[str]) -> str:
    """The source of a union of masks: one propagated mask makes it propagated."""
    given = set(sources)
    return next((source for source in reversed(SOURCES) if source in given), "hand")


def images_seen(data: Dataset) -> dict[str, str] | None:
    """Image id to digest of what the segmenter of a data set saw; an image that is not in it has its digest as id."""
    if data.segmenter_saw is None:
        return None
    ids = {image_digest(s): s.id for s in data.samples}
    return {ids.get(digest, digest): digest for digest in sorted(data.segmenter_saw)}


def write_provenance(masks: Path, provenance: Provenance) -> None:
    """Write `provenance.json` into a folder of masks, or beside a JSON file of them; an earlier one is replaced."""
    content = {"format": FORMAT, "model": provenance.model, "saw": provenance.saw}
    path = provenance_path(masks)
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as draft:
        draft.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def read_provenance(source: Path) -> Provenance | None:
    """The provenance of a folder of masks, of an annotation folder that contains one, or of a JSON file of masks.

    None: there is none.

    Raises:
        DataError: it is damaged, or of a newer version.
    """
    files = (provenance_path(source), source / "masks" / FILE)
    path = next((path for path in files if path.is_file()), None)
    if path is None:
        return None
    try:
        content: Any = read_json(path)
        model, saw, format_ = content["model"], content["saw"], content["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    if not isinstance(format_, int) or format_ > FORMAT:
        raise DataError("this was written by a newer version", where=path, remedy="update handful.")
    if not isinstance(model, str) or not _is_images(saw):
        raise _damaged(path)
    return Provenance(model, saw)


def _is_images(value: Any) -> bool:
    texts = isinstance(value, dict) and all(isinstance(digest, str) for digest in value.values())
    return value is None or texts


def _damaged(path: Path) -> DataError:
    remedy = "restore it, or remove it: without it, propagated masks count as those of a model that saw every image."
    return DataError("this file does not say where the masks come from", where=path, remedy=remedy)
