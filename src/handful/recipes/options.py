"""Option paths of a recipe, and checks of its search space. A search space has no effect on training by itself."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from handful.core.recipe import Part, Recipe, Stage
from handful.errors import RecipeError, nearest
from handful.parts import registry
from handful.recipes.overrides import STAGE_OPTIONS
from handful.recipes.renamed import FOLDERS

_KEYS = {"low", "high", "log"}


def options_of(recipe: Recipe) -> dict[str, Any]:
    """Every option path of a recipe with the value it has: "lr", "head.dropout", "stages.0.optimizer.clip"."""
    values: dict[str, Any] = {}
    for field in fields(Recipe):
        value = getattr(recipe, field.name)
        if isinstance(value, Part):
            values |= _options_of_part(field.name, value)
        elif field.name in ("prepare", "augment", "posthoc"):
            for i, part in enumerate(value):
                values |= _options_of_part(f"{field.name}.{i}", part)
        elif field.name not in ("name", "about", "search", "stages", "hierarchy"):
            values[field.name] = value
    for i, stage in enumerate(recipe.stages):
        values |= _options_of_stage(f"stages.{i}", stage)
    for name in STAGE_OPTIONS:
        of_stages = {v for k, v in values.items() if k.startswith("stages.") and k.rpartition(".")[2] == name}
        if len(of_stages) == 1:
            values[name] = of_stages.pop()
    return values


def _options_of_stage(path: str, stage: Stage) -> dict[str, Any]:
    values: dict[str, Any] = {
        f"{path}.steps" if stage.steps is not None else f"{path}.epochs": stage.steps or stage.epochs
    }
    values |= {
        f"{path}.{name}": getattr(stage, name)
        for name in ("floor", "sampler", "statistics", "stopping_threshold", "unlabelled")
    }
    for name in ("optimizer", "schedule"):
        values |= {f"{path}.{name}.{option}": value for option, value in vars(getattr(stage, name)).items()}
    for i, view in enumerate(stage.views):
        for j, part in enumerate(view.augment):
            values |= _options_of_part(f"{path}.views.{i}.augment.{j}", part)
    for i, part in enumerate(stage.losses):
        values |= _options_of_part(f"{path}.losses.{i}", part)
        values[f"{path}.losses.{i}.weight"] = part.weight
    return values


def _options_of_part(path: str, part: Part) -> dict[str, Any]:
    key = path.split(".")[-2] if path[-1].isdigit() else path
    known = registry.options(FOLDERS[key], part.name)  # type: ignore[arg-type]
    return {f"{path}.{name}": part.options.get(name, p.default) for name, p in known.items()}


def check_search(recipe: Recipe) -> None:
    """Check that a search space names options of the recipe, is well formed and contains the recipe's own values.

    Raises:
        RecipeError: it does not; with the nearest option path.
    """
    known = options_of(recipe) if recipe.search else {}
    for path, space in recipe.search.items():
        where = f"{recipe.name}: search.{path}"
        if path not in known:
            raise RecipeError(f"unknown option {path!r}", where=where, remedy=nearest(path, tuple(known)))
        value = list(known[path]) if isinstance(known[path], tuple) else known[path]
        if isinstance(space, list | tuple):
            plain = [list(c) if isinstance(c, tuple) else c for c in space]
            if len(plain) < 2 or any(c in plain[:i] for i, c in enumerate(plain)):
                raise RecipeError("choices must be two or more, all different", where=where, remedy="e.g. [200, 400].")
            if value not in plain:
                raise RecipeError(
                    f"its default {value!r} is not one of the choices", where=where, remedy="add it to the choices."
                )
        else:
            _check_range(space, value, where)


def _check_range(space: Any, value: Any, where: str) -> None:
    remedy = "e.g. { low = 0.001, high = 0.1, log = true }, or a list of choices."
    if not isinstance(space, Mapping) or not {"low", "high"} <= space.keys() <= _KEYS:
        raise RecipeError(f"{space!r} is not a search space", where=where, remedy=remedy)
    low, high = space["low"], space["high"]
    if not (_is_number(low) and _is_number(high) and low < high and isinstance(space.get("log", False), bool)):
        raise RecipeError("low and high must be numbers, low below high", where=where, remedy=remedy)
    if space.get("log", False) and low <= 0:
        raise RecipeError(
            "a logarithmic range must start above 0", where=where, remedy="raise low, or set log = false."
        )
    if isinstance(value, int) and not (isinstance(low, int) and isinstance(high, int)):
        raise RecipeError("the option takes whole numbers", where=where, remedy="write low and high as whole numbers.")
    if not (_is_number(value) and low <= value <= high):
        raise RecipeError(f"its default {value!r} is not in the range", where=where, remedy="widen the range.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
