"""Propagated masks to be accepted or rejected: one folder per round, of which the newest counts.

A round has mask files, or coarse probabilities from which a mask is cut, and its file written, when it is first asked
for: hundreds of images have a proposal at once.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from handful.annotation.files.annotations import Annotation
from handful.core.dataset import Image, Mask
from handful.core.files import safe_path, write_atomically
from handful.core.parsing import read_json
from handful.data.masks.edges import Edges, cut_edges
from handful.data.masks.image_file import read_mask, write_mask

FOLDER, LIST, COARSE = "propagated", "round.json", "coarse.npz"
Coarse = Mapping[str, UInt8[np.ndarray, "h w"]]  # probabilities of the object times 255, of each cell of an image
MAX_BYTES = 2**28  # of a list of a million images


@dataclass(frozen=True)
class Proposals:
    """A round's masks. `certainty` is in [0, 1], by image id; `influence` is the expected model change.

    `edges` says how masks are cut from `coarse` probabilities.
    """

    folder: Path
    round: int = 0
    certainty: Mapping[str, float] = field(default_factory=dict)
    influence: Mapping[str, float] = field(default_factory=dict)
    edges: Edges = "none"
    coarse: Coarse = field(default_factory=dict)

    def mask(self, name: str, read: Callable[[], Image]) -> Mask | None:
        """The proposed mask of an image.

        Args:
            name: the image's id.
            read: gives the image, to whose edges a mask is cut where there are coarse probabilities only.

        Raises:
            DataError: a file cannot be read, or leads out of the folder.
        """
        path = self._path(name)
        if name not in self.certainty or name not in self.coarse or path.exists():
            return read_mask(path) if name in self.certainty else None
        mask = self.cut(name, read())
        write_mask(path, mask)
        return mask

    def cut(self, name: str, image: Image) -> Mask:
        """The mask of coarse probabilities, with the image's edges; without them, where nothing or all is left."""
        likely = _enlarged(self.coarse[name], (image.shape[1], image.shape[2]))
        mask = cut_edges(self.edges, image, likely, seed=0)
        return mask if mask.any() and not mask.all() else np.asarray(likely > 0.5)

    def preview(self, name: str, size: tuple[int, int]) -> Mask | None:
        """The mask at once: where it was not cut to the image's edges yet, it is as coarse as the probabilities.

        Raises:
            DataError: as `mask`.
        """
        path = self._path(name)
        if name not in self.certainty or name not in self.coarse or path.exists():
            return read_mask(path) if name in self.certainty else None
        return np.asarray(_enlarged(self.coarse[name], size) > 0.5)

    def _path(self, name: str) -> Path:
        return safe_path(self.folder, f"{FOLDER}/{self.round}/{name}.png")

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
            certainty, influence = _numbers(values["certainty"]), _numbers(values.get("influence", {}))
            return Proposals(folder, number, certainty, influence, **_read_coarse(path, values))
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            continue  # a training that was stopped
    return Proposals(folder)


def write_proposals(
    folder: Path,
    masks: Mapping[str, Mask],
    certainty: Mapping[str, float],
    influence: Mapping[str, float] | None = None,
    *,
    coarse: Coarse | None = None,
    edges: Edges = "none",
) -> Proposals:
    """Write a new round, whole or not at all, and delete the older ones.

    Args:
        folder: of the annotations.
        masks: by image id.
        certainty: of each mask.
        influence: the expected model change.
        coarse: probabilities of the object in place of a mask, of other images.
        edges: how masks are cut from these.
    """
    folder = folder.resolve()
    old = _rounds(folder)
    number = max(old, default=0) + 1
    for name, mask in masks.items():
        write_mask(safe_path(folder, f"{FOLDER}/{number}/{name}.png"), mask)
    round_folder = safe_path(folder, f"{FOLDER}/{number}")
    round_folder.mkdir(parents=True, exist_ok=True)
    if coarse:
        arrays: dict[str, Any] = {str(i): cells for i, cells in enumerate(coarse.values())}
        np.savez(round_folder / COARSE, names=np.array(list(coarse), dtype=np.str_), **arrays)
    with write_atomically(round_folder / LIST) as draft, draft.open("w", encoding="utf-8") as file:
        sure = {name: round(certainty[name], 4) for name in (*masks, *(coarse or ()))}
        moved = {name: round(value, 6) for name, value in (influence or {}).items()}
        json.dump({"certainty": sure, "influence": moved, "edges": edges}, file, ensure_ascii=False)
    for before in old:
        shutil.rmtree(safe_path(folder, f"{FOLDER}/{before}"), ignore_errors=True)
    return read_proposals(folder)


def _read_coarse(path: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """The coarse probabilities beside a round's list, and how masks are cut from them."""
    file = path.with_name(COARSE)
    if not file.exists():
        return {}
    with np.load(file, allow_pickle=False) as stored:
        coarse = {name: np.asarray(stored[str(i)], np.uint8) for i, name in enumerate(stored["names"].tolist())}
    edges = values.get("edges", "none")
    return {"coarse": coarse, "edges": edges if edges in ("grabcut", "guided") else "none"}


def _enlarged(cells: UInt8[np.ndarray, "h w"], size: tuple[int, int]) -> Float[np.ndarray, "h2 w2"]:
    return np.asarray(cv2.resize(cells.astype(np.float32) / 255, size[::-1], interpolation=cv2.INTER_LINEAR))


def _numbers(values: Mapping[str, float]) -> dict[str, float]:
    return {str(name): float(value) for name, value in values.items()}


def _rounds(folder: Path) -> list[int]:
    parent = safe_path(folder, FOLDER)
    if not parent.is_dir():
        return []
    return [int(p.name) for p in parent.iterdir() if p.name.isdecimal() and p.is_dir()]
