"""Propagated masks to be accepted or rejected: one folder per training round, of which the newest counts."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handful.annotation.files.annotations import Annotation
from handful.core.dataset import Mask
from handful.core.files import safe_path, write_atomically
from handful.core.parsing import read_json
from handful.data.masks.image_file import read_mask, write_mask

FOLDER, LIST = "propagated", "round.json"
MAX_BYTES = 2**28  # of a list of a million images


@dataclass(frozen=True)
class Proposals:
    """A round's masks. `certainty` is in [0, 1], by image id; `influence` is the expected model change."""

    folder: Path
    round: int = 0
    certainty: Mapping[str, float] = field(default_factory=dict)
    influence: Mapping[str, float] = field(default_factory=dict)

    def mask(self, name: str) -> Mask | None:
        """The proposed mask of an image.

        Raises:
            DataError: its file cannot be read, or leads out of the folder.
        """
        if name not in self.certainty:
            return None
        return read_mask(safe_path(self.folder, f"{FOLDER}/{self.round}/{name}.png"))

    def awaits_review(self, annotation: Annotation) -> bool:
        """Whether an image's proposal awaits review."""
        reviewed = annotation.verdict is not None and annotation.round == self.round
        return annotation.id in self.certainty and annotation.mask_source is None and not reviewed


def read_proposals(folder: Path) -> Proposals:
    """The newest complete round in an annotation folder."""
    folder = folder.resolve()
    for number in sorted(_rounds(folder), reverse=True):
        path = safe_path(folder, f"{FOLDER}/{number}/{LIST}")
        try:
            values = read_json(path, most_bytes=MAX_BYTES)
            return Proposals(folder, number, _numbers(values["certainty"]), _numbers(values.get("influence", {})))
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            continue  # a training that was stopped
    return Proposals(folder)


def write_proposals(
    folder: Path,
    masks: Mapping[str, Mask],
    certainty: Mapping[str, float],
    influence: Mapping[str, float] | None = None,
) -> Proposals:
    """Write a new round, whole or not at all, and delete the older ones."""
    folder = folder.resolve()
    old = _rounds(folder)
    number = max(old, default=0) + 1
    for name, mask in masks.items():
        write_mask(safe_path(folder, f"{FOLDER}/{number}/{name}.png"), mask)
    round_folder = safe_path(folder, f"{FOLDER}/{number}")
    with write_atomically(round_folder / LIST) as draft, draft.open("w", encoding="utf-8") as file:
        sure = {name: round(certainty[name], 4) for name in masks}
        moved = {name: round(value, 6) for name, value in (influence or {}).items()}
        json.dump({"certainty": sure, "influence": moved}, file, ensure_ascii=False)
    for before in old:
        shutil.rmtree(safe_path(folder, f"{FOLDER}/{before}"), ignore_errors=True)
    return read_proposals(folder)


def _numbers(values: Mapping[str, float]) -> dict[str, float]:
    return {str(name): float(value) for name, value in values.items()}


def _rounds(folder: Path) -> list[int]:
    parent = safe_path(folder, FOLDER)
    if not parent.is_dir():
        return []
    return [int(p.name) for p in parent.iterdir() if p.name.isdecimal() and p.is_dir()]
