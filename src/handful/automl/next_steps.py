"""What to do with the model of an automatic run: command lines, or lines of Python where it came from there."""

import shlex
from pathlib import Path

from handful.core.dataset import Dataset
from handful.core.kind import Kind
from handful.deployment.extra_packages import INSTALL_BOTH, serves_folders
from handful.errors import by_interface


def next_steps(
    folder: Path, *, serving: bool | None = None, arrays: bool = False, kind: Kind = "multiclass"
) -> tuple[str, ...]:
    """What to type next; what is not installed has its install line in front.

    Args:
        folder: of the run.
        serving: what the server needs is installed; None: see.
        arrays: the images came as arrays, not as files.
        kind: of the data; models of numbers are not served.
    """
    name = shlex.quote(str(folder))
    installed = serves_folders() if serving is None else serving
    serve = f"handful serve {name}"
    if by_interface(command="yes", python=""):
        predict = f"handful predict {name} NEW_IMAGES --out new.csv"
        served = serve if installed else f"{INSTALL_BOTH} && {serve}"
        return (predict,) if kind == "number" else (predict, served)
    new = "from_arrays(new_images)" if arrays else 'handful.load_data("NEW_IMAGES", unlabelled=True)'
    answers = {"multilabel": f"present = model.predict({new})", "number": f"numbers = model.predict({new})"}
    imported = ("from handful.data.arrays import from_arrays",) if arrays else ()
    return (
        *imported,
        f'model = handful.load_classifier("{folder.as_posix()}")',
        answers.get(kind, f"classes = [model.classes[i] for i in model.predict({new})]"),
    )


def has_arrays(data: Dataset) -> bool:
    """Whether the images are in memory and have no file."""
    return bool(len(data)) and not isinstance(data.samples[0].image, Path)
