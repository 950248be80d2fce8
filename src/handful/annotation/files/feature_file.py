"""Cache of image features on disk; features of a changed image file are computed again."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from handful.core.files import safe_path, write_atomically

NAME = ".features{}.npz"


class FeatureFile:
    """The feature cache in an annotation folder. An unreadable cache counts as empty.

    Args:
        folder: of the annotations.
        backbone: whose features they are, as `image_features.features` takes it; each has a file of its own.
    """

    def __init__(self, folder: Path, backbone: str | None = None) -> None:
        self.path = safe_path(folder.resolve(), NAME.format(suffix(backbone)))
        self.stamps: dict[str, str] = {}
        self.rows: dict[str, Float[np.ndarray, " c"]] = {}
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                names, stamps, rows = stored["names"].tolist(), stored["marks"].tolist(), stored["rows"]
        except (OSError, ValueError, KeyError, EOFError):
            return
        self.stamps = dict(zip(names, stamps, strict=True))
        self.rows = dict(zip(names, rows, strict=True))

    def missing(self, files: Mapping[str, Path]) -> list[str]:
        """Ids whose features are missing or out of date."""
        return [name for name, path in files.items() if self.stamps.get(name) != _file_stamp(path)]

    def add(self, files: Mapping[str, Path], rows: Float[np.ndarray, "n c"]) -> None:
        """Store one row per image, in the order of `files`."""
        for (name, path), row in zip(files.items(), rows, strict=True):
            self.stamps[name], self.rows[name] = _file_stamp(path), row.astype(np.float32)
        with write_atomically(self.path) as draft, draft.open("xb") as file:
            np.savez(
                file,
                names=np.array(list(self.rows), dtype=np.str_),
                marks=np.array([self.stamps[n] for n in self.rows], dtype=np.str_),
                rows=np.stack(list(self.rows.values())),
            )


def suffix(backbone: str | None) -> str:
    """What the names of a backbone's files end with."""
    return "" if backbone is None else "-" + hashlib.sha256(backbone.encode()).hexdigest()[:12]


def _file_stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size}:{status.st_mtime_ns}"
