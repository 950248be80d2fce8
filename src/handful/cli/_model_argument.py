"""Check of the argument MODEL, and of its order with DATA, before anything heavy is imported."""

import os
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from handful.errors import ModelError
from handful.saving.model_folder import ENSEMBLE, FILES, GIVE, is_model, model_folder, not_a_model

EXPORTED = ".onnx"
RUN_PREFIX = "handful-"  # of the folder that `handful run` writes
MOST_SUGGESTED, MOST_LISTED = 3, 1000
SHORTEST = 4  # letters of a name that another one holds


def check_model_argument(model: Path, data: Sequence[str] = ()) -> None:
    """Refuse what is no model.

    Args:
        model: a model's folder, the folder of a run, or an exported file.
        data: the arguments after it.

    Raises:
        ModelError: it is none of these, or the model is among the data.
    """
    if _is_exported(model) and model.exists():
        return
    folder = model_folder(model)
    if (folder / ENSEMBLE).is_file() or all((folder / name).is_file() for name in FILES):
        return
    swapped = next((name for name in data if is_model(model_folder(Path(name))) or _is_exported(Path(name))), None)
    if swapped is not None and not is_model(folder):
        raise ModelError(
            f"this is not a saved model, and {swapped} is one: they are the wrong way round",
            where=model,
            remedy=f'name the model first: "{swapped}" "{model}".',
        )
    error = not_a_model(folder)
    if error.remedy == GIVE:
        error = ModelError(error.what, where=error.where, remedy=_remedy(model))
    raise error


def _remedy(model: Path) -> str:
    """What to give, with the models near by: those of a similar name, or all."""
    near = _models_near(model)
    alike = [entry for entry in near if _alike(entry.name, model.name)]
    shown = [repr(os.path.relpath(entry)) for entry in alike or near][:MOST_SUGGESTED]
    if alike:
        return f"did you mean {' or '.join(shown)}? If not, {GIVE}"
    return f"{GIVE} Near by lies {' and '.join(shown)}." if shown else GIVE


def _alike(name: str, wanted: str) -> bool:
    """Whether two names are a typo apart, or one holds the other, as that of a run holds that of its data."""
    a, b = Path(name).stem.casefold(), Path(wanted).stem.casefold()
    inside = len(min(a, b, key=len)) >= SHORTEST and (a in b or b in a)
    return inside or bool(get_close_matches(b, [a], n=1, cutoff=0.6))


def _models_near(model: Path) -> list[Path]:
    """Models in the folder of what was named and in this one: those of runs first."""
    folders = dict.fromkeys((model.absolute().parent, Path.cwd()))
    entries = [entry for folder in folders if folder.is_dir() for entry in _entries(folder)]
    runs_first = sorted(entries, key=lambda entry: not entry.name.startswith(RUN_PREFIX))
    return [entry for entry in runs_first if _is_exported(entry) or is_model(model_folder(entry))]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(islice(folder.iterdir(), MOST_LISTED))
    except OSError:
        return []


def _is_exported(model: Path) -> bool:
    return model.suffix.lower() == EXPORTED and not model.is_dir()
