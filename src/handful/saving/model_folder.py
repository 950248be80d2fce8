"""Location of a saved model: the folder that is named, or `model/` in the folder of an automatic run."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from handful.core.kind import Kind
from handful.core.parsing import parse_toml, read_json, read_text
from handful.errors import ModelError, by_interface

WEIGHTS, ENSEMBLE, MODEL = "weights.safetensors", "ensemble.json", "model"
VALUES, CLASSES, RECIPE = "card.json", "classes.json", "recipe.toml"
FILES = (VALUES, CLASSES, RECIPE, WEIGHTS)  # of a model that is not an ensemble
PLAN, RUN = "plan.json", "run.json"  # of an automatic run: written at its start, and with its answer
FIRST_MEMBER = "member-1"  # of an ensemble
GIVE = "give the folder that `handful run` or `handful fit` wrote."


@dataclass(frozen=True)
class SavedKind:
    """The kind of a saved model, and the name of its recipe."""

    kind: Kind
    recipe: str


def is_model(folder: Path) -> bool:
    """Whether a folder holds a saved classifier or ensemble."""
    return (folder / WEIGHTS).exists() or (folder / ENSEMBLE).exists()


def model_folder(folder: Path) -> Path:
    """The folder of the model: `folder` itself, or `model/` in it where only that holds one, as after `handful run`."""
    inside = folder / MODEL
    return inside if is_model(inside) and not is_model(folder) else folder


def is_unfinished_run(folder: Path) -> bool:
    """Whether this is the folder of an automatic run that has not written its answer."""
    if not (folder / PLAN).is_file() or (folder / RUN).is_file():
        return False
    try:
        plan = read_json(folder / PLAN)
    except (OSError, ValueError):
        return False
    return isinstance(plan, dict) and "per_class" in plan  # that of a comparison has other keys


def saved_kind(folder: Path) -> SavedKind | None:
    """The kind of a model by its small files alone, that of an ensemble by its first member; None: they do not say."""
    folder = folder if (folder / CLASSES).is_file() else folder / FIRST_MEMBER
    try:
        kind = read_json(folder / CLASSES).get("kind", "multiclass")
        name = parse_toml(read_text(folder / RECIPE)).get("name", folder.name)
    except (AttributeError, OSError, ValueError):
        return None
    return SavedKind(kind, str(name)) if kind in get_args(Kind) else None


def not_a_model(folder: Path) -> ModelError:
    """The error for a folder without the files of a model."""
    if not folder.exists():
        return ModelError("this is not a saved model: no such file or folder", where=folder, remedy=GIVE)
    if folder.is_file():
        return ModelError("this is not a saved model: it is a file", where=folder, remedy=GIVE)
    if is_unfinished_run(folder):
        return ModelError(
            "this run has no model yet: it was stopped before, or is still going on",
            where=folder,
            remedy=by_interface(command="the same `handful run` command", python="the same call of `run`")
            + " continues it.",
        )
    if all((folder / name).is_file() for name in (VALUES, RECIPE, WEIGHTS)) and not (folder / CLASSES).exists():
        return ModelError(
            "this is a pretrained backbone, which has no classes",
            where=folder,
            remedy="train a classifier on it: "
            + by_interface(
                command=f"handful fit DATA --recipe logistic --backbone {folder} --out model",
                python=f'load_recipe("logistic", backbone={str(folder)!r})',
            )
            + ".",
        )
    missing = [name for name in FILES if not (folder / name).is_file()]
    return ModelError(f"this is not a saved model: {', '.join(missing)} missing", where=folder, remedy=GIVE)
