"""Features of the images, kept between two starts; an image file that changed is computed again."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from handful.core.files import safe_path, write_atomically

NAME = ".features.npz"


class FeatureFile:
    """The features kept in an annotation folder. A file that cannot be read is as none."""

    def __init__(self, folder: Path) -> None:
        self.path = safe_path(folder.resolve(), NAME)
        self.marks: dict[str, str] = {}
        self.rows: dict[str, Float[np.ndarray, " c"]] = {}
        try:
            with np.load(self.path, allow_pickle=False) as held:
                names, marks, rows = held["names"].tolist(), held["marks"].tolist(), held["rows"]
        except (OSError, ValueError, KeyError, EOFError):
            return
        self.marks = dict(zip(names, marks, strict=True))
        self.rows = dict(zip(names, rows, strict=True))

    def missing(self, files: Mapping[str, Path]) -> list[str]:
        """Ids whose features are not there, or are of an older file."""
        return [name for name, path in files.items() if self.marks.get(name) != _mark(path)]

    def add(self, files: Mapping[str, Path], rows: Float[np.ndarray, "n c"]) -> None:
        """Keep rows for these images, in their order."""
        for (name, path), row in zip(files.items(), rows, strict=True):
            self.marks[name], self.rows[name] = _mark(path), row.astype(np.float32)
        with write_atomically(self.path) as draft, draft.open("xb") as file:
            np.savez(
                file,
                names=np.array(list(self.rows), dtype=np.str_),
                marks=np.array([self.marks[n] for n in self.rows], dtype=np.str_),
                rows=np.stack(list(self.rows.values())),
            )


def _mark(path: Path) -> str:
    facts = path.stat()
    return f"{facts.st_size}:{facts.st_mtime_ns}"
