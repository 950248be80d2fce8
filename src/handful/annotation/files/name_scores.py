"""Probabilities of the classes by their names alone, on disk: which images are asked for first goes by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from handful.annotation.files.feature_file import suffix
from handful.core.files import safe_path, write_atomically

NAME = ".name-scores{}.npz"


@dataclass(frozen=True, eq=False)
class NameScores:
    """Probabilities [n k] of classes; `ids` has the images in the order of the rows.

    `p_value` is the share of random sets of other names that divide the images as well; 1 where the features cannot be
    compared with names.
    """

    classes: tuple[str, ...]
    ids: tuple[str, ...]
    probabilities: Float[np.ndarray, "n k"]
    p_value: float

    def rows(self, ids: Sequence[str]) -> Float[np.ndarray, "m k"]:
        """Probabilities of images; of an image without any, 0 for each class."""
        rows = dict(zip(self.ids, self.probabilities, strict=True))
        unknown = np.zeros(len(self.classes), np.float32)
        return np.stack([rows.get(name, unknown) for name in ids])


def write_name_scores(folder: Path, scores: NameScores, backbone: str | None = None) -> None:
    """Write the scores by a backbone's features into an annotation folder, whole or not at all."""
    with (
        write_atomically(safe_path(folder.resolve(), NAME.format(suffix(backbone)))) as draft,
        draft.open("xb") as file,
    ):
        np.savez(
            file,
            classes=np.array(scores.classes, dtype=np.str_),
            ids=np.array(scores.ids, dtype=np.str_),
            probabilities=scores.probabilities.astype(np.float32),
            p_value=np.array(scores.p_value),
        )


def read_name_scores(folder: Path, backbone: str | None = None) -> NameScores | None:
    """The scores by a backbone's features in an annotation folder; None: there are none, or they cannot be read."""
    try:
        with np.load(safe_path(folder.resolve(), NAME.format(suffix(backbone))), allow_pickle=False) as stored:
            classes, ids = tuple(stored["classes"].tolist()), tuple(stored["ids"].tolist())
            return NameScores(classes, ids, stored["probabilities"], float(stored["p_value"]))
    except (OSError, ValueError, KeyError, EOFError):
        return None
