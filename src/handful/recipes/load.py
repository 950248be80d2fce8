"""Read recipes: TOML text to a checked `Recipe`, by name or from a file, with overrides."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from handful.core.recipe import Optimizer, Part, Recipe, Schedule, Stage
from handful.errors import RecipeError, nearest
from handful.recipes.checks import check
from handful.recipes.inheritance import resolve
from handful.recipes.options import check_search
from handful.recipes.overrides import override, put
from handful.recipes.renamed import current_path, to_current
from handful.recipes.write import to_tree

T = TypeVar("T")
_PART_KEYS = ("name", "weight", "start", "stop")


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that come with handful."""
    files = (f.name for f in _builtin().iterdir())
    return tuple(sorted(f[:-5] for f in files if f.endswith(".toml")))


def load_recipe(name: str | Path, *, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe by name, or from a TOML file, with `key=value` overrides such as "head.pool=foreground".

    Keys are paths into the TOML ("stages.0.optimizer.lr=0.01"); `steps`, `epochs` and `lr` alone mean every stage.

    Raises:
        RecipeError: unknown recipe, key, part or option (with the nearest name), or a value that does not fit.
    """
    return from_toml(_text(str(name)), where=str(name), overrides=overrides)


def from_toml(text: str, *, where: str, overrides: Sequence[str] = ()) -> Recipe:
    """Parse and check a recipe's text. `extends`, its base by name or path, is resolved first (`inheritance`).

    Raises:
        RecipeError: as `load_recipe`.
    """
    tree = to_current(resolve(_parse(text, where), where, lambda base: _parse(_text(base), base)), where)
    for change in overrides:
        override(tree, change)
        tree = to_current(tree, change)
    tree.setdefault("name", Path(where).stem)
    recipe = _recipe(tree, where)
    check(recipe)
    check_search(recipe)
    return recipe


def with_values(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with options set by their paths, as its search space names them.

    Raises:
        RecipeError: a path or value that does not fit.
    """
    tree = to_tree(recipe)
    for path, value in values.items():
        put(tree, current_path(tree, path).split("."), value)
    changed = _recipe(to_current(tree, recipe.name), recipe.name)
    check(changed)
    return changed


def _builtin() -> Traversable:
    return resources.files("handful.recipes") / "builtin"


def _text(name: str) -> str:
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise RecipeError(
                "no such recipe file", where=path, remedy="check the path; `handful recipes` lists names."
            )
        return path.read_text(encoding="utf-8")
    if name not in recipe_names():
        raise RecipeError(
            f"unknown recipe {name!r}", remedy=nearest(name, recipe_names(), otherwise="`handful recipes` lists them.")
        )
    return (_builtin() / f"{name}.toml").read_text(encoding="utf-8")


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"not TOML: {error}", where=where, remedy="mend that line.") from error


def _recipe(tree: dict[str, Any], where: str) -> Recipe:
    values = dict(tree)
    for key in ("backbone", "head"):
        if key not in values:
            raise RecipeError(f"[{key}] is missing", where=where, remedy=f"add a [{key}] table with a name.")
    for key in ("backbone", "head", "labels", "hierarchy"):
        if key in values:
            values[key] = _part(values[key], f"{where}: {key}")
    for key in ("prepare", "augment", "posthoc"):
        values[key] = tuple(_part(p, f"{where}: {key}") for p in values.get(key, ()))
    values["stages"] = tuple(_stage(s, f"{where}: stages.{i}") for i, s in enumerate(values.get("stages", ())))
    if values.get("image_size") is not None:
        values["image_size"] = _size(values["image_size"], where)
    return _make(Recipe, values, where)


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
    part = _make(Part, {**own, "options": options}, where)
    if not 0 <= part.start < part.stop <= 1:
        raise RecipeError(
            "start and stop are shares of training, 0 <= start < stop <= 1", where=where, remedy="mend them."
        )
    return part


def _stage(value: dict[str, Any], where: str) -> Stage:
    values = dict(value)
    values["losses"] = tuple(_part(p, f"{where}: losses") for p in values.get("losses", ()))
    values["optimizer"] = _make(Optimizer, values.get("optimizer", {}), f"{where}: optimizer")
    values["schedule"] = _make(Schedule, values.get("schedule", {}), f"{where}: schedule")
    for key in ("trainable", "reset"):
        if isinstance(values.get(key), str) and values[key] != "all":
            values[key] = [values[key]]
    return _make(Stage, values, where)


def _make(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build a dataclass from a table: unknown and missing keys and wrong types are errors of ours."""
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in known:
            raise RecipeError(f"unknown key {key!r}", where=where, remedy=nearest(key, tuple(known)))
        default = known[key].default
        _check_type(key, value, default, str(known[key].type), where)
    for key, field in known.items():
        if field.default is MISSING and field.default_factory is MISSING and key not in values:
            raise RecipeError(f"{key!r} is missing", where=where, remedy="set it.")
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return kind(**plain)


def _check_type(key: str, value: Any, default: Any, annotation: str, where: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if "Literal[" in annotation and isinstance(default, str):
        choices = annotation.split("Literal[")[1].split("]")[0].replace("'", "").replace('"', "").split(", ")
        if value not in choices and not ("tuple[" in annotation and isinstance(value, list)):
            raise RecipeError(f"{key} is {value!r}", where=where, remedy=nearest(str(value), choices))
    wrong = (
        (isinstance(default, bool) and not isinstance(value, bool))
        or (isinstance(default, float) and not number)
        or (isinstance(default, int) and not isinstance(default, bool) and (not number or isinstance(value, float)))
        or (annotation in ("int | None", "float | None", "<class 'int'>") and value is not None and not number)
    )
    if wrong:
        raise RecipeError(f"{key} cannot be {value!r}", where=where, remedy=f"it is a number like {default!r}.")
