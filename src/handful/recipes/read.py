"""TOML text to a `Recipe`, by name or from a file, without looking at its parts: imports no PyTorch.

What has this form may still name an unknown part or option: `load` checks that.
"""

from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from handful.core.parsing import parse_toml, read_text
from handful.core.recipe import Optimizer, Part, Recipe, Schedule, Stage, View
from handful.errors import RecipeError, nearest
from handful.recipes.fields import build
from handful.recipes.inheritance import resolve
from handful.recipes.overrides import override, refuse_text
from handful.recipes.renamed import current_name, to_current

SHAPE = "give a UTF-8 text file of a few kilobytes, as `handful recipes` shows them."
_PART_KEYS = ("name", "weight", "start", "stop")


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that come with handful.

    Example:
        >>> from handful import recipe_names
        >>> "classification-wrn" in recipe_names()
        True
    """
    files = (f.name for f in _builtin().iterdir())
    return tuple(sorted(f[:-5] for f in files if f.endswith(".toml")))


def read_recipe(text: str, *, where: str, overrides: Sequence[str] = ()) -> Recipe:
    """Parse a recipe's text. `extends`, its base by name or path, is resolved first (`inheritance`).

    Args:
        text: TOML.
        where: name or path of the recipe, for errors and relative paths.
        overrides: "key=value", applied in order.

    Raises:
        RecipeError: it does not have the form of a recipe.
    """
    tree = to_current(resolve(_parse(text, where), where, lambda base: _parse(recipe_text(base), base)), where)
    tree = overridden(tree, overrides)
    tree.setdefault("name", current_name(Path(where).stem))
    return from_tree(tree, where)


def overridden(tree: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A recipe's tree with "key=value" overrides, applied in order.

    Raises:
        RecipeError: not a "key=value" text, or a key that does not exist.
    """
    refuse_text(overrides)
    for change in overrides:
        override(tree, change)
        tree = to_current(tree, change)
    return tree


def recipe_text(name: str) -> str:
    """The TOML text of a recipe, by its name, a former one, or the path of a .toml file.

    Raises:
        RecipeError: no such file, or an unknown name (with the nearest).
    """
    path = Path(name)
    if path.suffix.lower() == ".toml":
        if not path.is_file():
            raise RecipeError("no such file", where=path, remedy="check the path; `handful recipes` lists names.")
        try:
            return read_text(path)
        except (OSError, ValueError) as error:
            raise RecipeError(f"the recipe cannot be read: {error}", where=path, remedy=SHAPE) from error
    name = current_name(name)
    if name not in recipe_names():
        raise RecipeError(
            f"unknown recipe {name!r}", remedy=nearest(name, recipe_names(), otherwise="`handful recipes` lists them.")
        )
    return (_builtin() / f"{name}.toml").read_text(encoding="utf-8")


def _builtin() -> Traversable:
    return resources.files("handful.recipes") / "builtin"


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return parse_toml(text)
    except ValueError as error:
        raise RecipeError(f"not TOML: {error}", where=where, remedy="fix that line.") from error


def from_tree(tree: dict[str, Any], where: str) -> Recipe:
    """The recipe of a parsed TOML text.

    Raises:
        RecipeError: it does not have the form of a recipe.
    """
    values = dict(tree)
    for key in ("backbone", "head"):
        if key not in values:
            raise RecipeError(f"[{key}] is missing", where=where, remedy=f"add a [{key}] table with a name.")
    for key in ("backbone", "head", "labels", "hierarchy"):
        if key in values:
            values[key] = _part(values[key], f"{where}: {key}")
    for key in ("prepare", "augment", "posthoc"):
        values[key] = tuple(_part(part, f"{where}: {key}") for part in _items(values, key, where))
    stages = _items(values, "stages", where)
    values["stages"] = tuple(_stage(stage, f"{where}: stages.{i}") for i, stage in enumerate(stages))
    if values.get("image_size") is not None:
        values["image_size"] = _size(values["image_size"], where)
    return build(Recipe, values, where)


def _items(values: dict[str, Any], key: str, where: str) -> Sequence[Any]:
    items = values.get(key, ())
    if not isinstance(items, list | tuple):
        raise RecipeError(f"{key} cannot be {items!r}", where=where, remedy="give a list of tables.")
    return items


def _size(value: Any, where: str) -> tuple[int, int]:
    sides = (value, value) if isinstance(value, int) else value
    if not isinstance(sides, list | tuple) or len(sides) != 2 or not all(isinstance(s, int) for s in sides):
        raise RecipeError(f"image_size is {value!r}", where=where, remedy="give [h, w] or one whole number.")
    return int(sides[0]), int(sides[1])


def _part(value: Any, where: str) -> Part:
    if isinstance(value, str):
        return Part(value)
    if not isinstance(value, dict) or "name" not in value:
        raise RecipeError("a part needs a name", where=where, remedy='write { name = "...", option = ... }.')
    own = {k: value[k] for k in _PART_KEYS if k in value}
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items() if k not in _PART_KEYS}
    part = build(Part, {**own, "options": options}, where)
    if not 0 <= part.start < part.stop <= 1:
        raise RecipeError(
            "start and stop are shares of training, 0 <= start < stop <= 1", where=where, remedy="correct these shares."
        )
    return part


def _stage(value: Any, where: str) -> Stage:
    if not isinstance(value, dict):
        raise RecipeError(f"not a table: {value!r}", where=where, remedy="write [[stages]], and its keys below.")
    values = dict(value)
    values["losses"] = tuple(_part(part, f"{where}: losses") for part in _items(values, "losses", where))
    values["optimizer"] = build(Optimizer, values.get("optimizer", {}), f"{where}: optimizer")
    values["schedule"] = build(Schedule, values.get("schedule", {}), f"{where}: schedule")
    views = _items(values, "views", where)
    values["views"] = tuple(_view(view, f"{where}: views.{i}") for i, view in enumerate(views))
    for key in ("trainable", "reset"):
        if isinstance(values.get(key), str) and values[key] != "all":
            values[key] = [values[key]]
    return build(Stage, values, where)


def _view(value: Any, where: str) -> View:
    if not isinstance(value, dict):
        raise RecipeError(f"not a table: {value!r}", where=where, remedy="write { augment = [...] }.")
    parts = tuple(_part(part, f"{where}: augment") for part in _items(value, "augment", where))
    return build(View, {**value, "augment": parts}, where)
