"""The one file that travels to the graphics card: what a trial reads, with the class vectors that it needs.

Text encoders stay here: their vectors of the class names are computed before, and travel as small arrays.
"""

import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from bench.gpu.trial import Trial
from handful.errors import DataError
from handful.models.text import TextSource, class_vectors

FOLDER = Path(__file__).parent / "carry"
MOST = 60 * 2**20  # bytes of the file; the tree that travels with it counts as well
VECTORS = {
    "minilm": lambda folder: TextSource(),  # noqa: ARG005
    "glove": lambda folder: TextSource("words", str(folder / "glove.6B.100d.classwords.txt")),
}


def carried(trial: Trial) -> Path:
    """The file of a trial."""
    return FOLDER / f"{trial.name}.zip"


def pack(trial: Trial, data: Path, to: Path | None = None) -> Path:
    """Write the file of a trial, from the folder of the real data sets.

    Raises:
        DataError: a file is missing, or the whole is too large.
    """
    path = to or carried(trial)
    files = [file for name in trial.files for file in _files(data / name)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(data).as_posix())
        if trial.vectors:
            classes = trial.load(data).classes
            for source in trial.vectors:
                vectors = class_vectors(classes, VECTORS[source](data)).vectors
                np.savez(Path(scratch, source), classes=np.array(classes), vectors=vectors)
                archive.write(Path(scratch, f"{source}.npz"), f"{source}.npz")
    if path.stat().st_size > MOST:
        size = path.stat().st_size // 2**20
        path.unlink()
        raise DataError(
            f"{size} MiB are more than the {MOST // 2**20} that can be carried",
            where=path,
            remedy="name fewer files in the trial, or cut its data.",
        )
    return path


def unpack(path: Path) -> Path:
    """The folder of a trial's files, beside their archive.

    Raises:
        DataError: the archive is not there.
    """
    if not path.is_file():
        raise DataError(
            "no carried file", where=path, remedy=f"run python -m bench.gpu pack {path.stem} --data FOLDER first."
        )
    folder = path.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise DataError("the trial needs this", where=path, remedy="bench/README.md says what the folder must hold.")
    return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
