"""Reading of a model folder's files: each value is checked, because a folder may come from a stranger."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from jaxtyping import Float
from torch import Tensor

from handful._version import __version__
from handful.core.context import Task
from handful.core.parsing import parse_toml, read_json, read_text
from handful.core.recipe import Recipe
from handful.core.tensors import LabelEmbedding, Similarity
from handful.errors import ModelError
from handful.models import stored_values
from handful.recipes.bounds import OPTIONS
from handful.recipes.load import from_toml
from handful.saving.model_folder import VALUES

LABEL_FIELDS = ("similarity", "temperature", "learn_temperature", "read_as")  # of a `LabelEmbedding`, without vectors
MAX_WRAPS = 100
FORMAT = 2  # 1 had no posthoc wrappers and no ensembles
NEWEST = 3  # of multilabel models, which an older version would take for others


def damaged(error: Exception, folder: Path) -> ModelError:
    """The error for a model that cannot be read, with its first line of reason."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ModelError(
        f"this model is damaged or foreign: {reason}", where=folder, remedy="copy it again from where it was trained."
    )


def json_file(path: Path) -> dict[str, Any]:
    """The table in a JSON file of a model.

    Raises:
        ModelError: it is missing or damaged.
    """
    if not path.is_file():
        raise ModelError(f"{path.name} is missing", where=path.parent, remedy="copy the model again.")
    try:
        return stored_values.table(read_json(path, finite=False), path.name)
    except (OSError, ValueError) as error:
        raise damaged(error, path) from error


def card_file(folder: Path) -> dict[str, Any]:
    """The content of a model's card.json.

    Raises:
        ModelError: it is missing, damaged or foreign.
    """
    path = folder / VALUES
    try:
        return stored_values.card(json_file(path))
    except ValueError as error:
        raise damaged(error, path) from error


def saved_recipe(folder: Path) -> Recipe:
    """The recipe that a model was trained with.

    Raises:
        OSError, ValueError, RecipeError: it cannot be read.
    """
    path = folder / "recipe.toml"
    text = read_text(path)
    if "extends" in parse_toml(text):  # a saved recipe is whole; another file would not be in the model's hash
        raise ValueError("its recipe extends another one")
    return from_toml(text, where=str(path))


def label_embedding(vectors: Float[Tensor, "k d"], fields: Mapping[str, Any], task: Task) -> LabelEmbedding:
    """The label embedding of a saved model.

    Raises:
        ValueError: its number of vectors is not that of the classes, or a field has another type.
    """
    k = len(task.classes)
    if vectors.ndim != 2 or len(vectors) != k or not vectors.is_floating_point():
        raise ValueError(f"{k} class names but label vectors of shape {tuple(vectors.shape)}")
    stored_values.table(fields, "the table of labels")
    unknown = [key for key in fields if key not in LABEL_FIELDS]
    learn, similarity = fields.get("learn_temperature", False), fields.get("similarity", "dot")
    if unknown or not isinstance(learn, bool) or similarity not in get_args(Similarity):
        raise ValueError(f"the labels are stored as {dict(fields)}"[:200])
    temperature = stored_values.number(fields.get("temperature", 1.0), "the temperature", low=1e-6, high=1e6)
    read_as = stored_values.texts(fields.get("read_as", []), "the list of words of the labels")
    return LabelEmbedding(vectors, similarity, temperature, learn, read_as)


def refuse_groups(classes: Sequence[str], labels: LabelEmbedding, recipe: Recipe) -> None:
    """Refuse to save a model that was given further classes by a tree: its file would not fit its network.

    Raises:
        ModelError: it has more classes than label vectors.
    """
    if len(classes) != len(labels.vectors):
        raise ModelError(
            "a model that also predicts groups of a tree cannot be saved",
            where=recipe.name,
            remedy="save it as it was trained, and give the tree when it predicts.",
        )


def posthoc_tables(value: Any) -> list[dict[str, Any]]:
    """The posthoc parts that are stored around a network, outermost last.

    Raises:
        ValueError: they are not a list of tables with a name each, or have a number that no such part has.
    """
    if not isinstance(value, list) or len(value) > MAX_WRAPS:
        raise ValueError("the posthoc parts are not a list, or too many")
    for wrap in value:
        if not isinstance(stored_values.table(wrap, "a posthoc part").get("name"), str):
            raise ValueError("a posthoc part has no name")
        if not 0 <= wrap.get("folds", 0) <= OPTIONS["folds"]:
            raise ValueError(f"a posthoc part has {wrap['folds']} folds")
    return value


def list_of(value: Any) -> list[Any]:
    """The value, which must be a list.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is not a list"[:200])
    return value


def refuse_format(content: dict[str, Any], card: dict[str, Any], folder: Path) -> None:
    """Refuse the format of a newer version.

    Raises:
        ModelError: it is newer, or the file names none.
    """
    version: Any = content.get("format")
    whole = stored_values.is_whole(version)
    if not whole or version < 1 or version > NEWEST:
        raise ModelError(
            f"model format {version!r} is newer than this version's {NEWEST}"
            if whole and version > 0
            else "this is not a handful model: it names no format",
            where=folder,
            remedy=f"update handful (this is {__version__}; the model says {card.get('handful', 'nothing')}).",
        )
