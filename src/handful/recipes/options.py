"""Search spaces: which options of a recipe may be tuned, and between what. They decide no training by themselves."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError, nearest
from handful.parts import registry

ALIKE = ("steps", "epochs", "lr")  # alone they mean every stage
_KEYS = {"low", "high", "log"}


def options_of(recipe: Recipe) -> dict[str, Any]:
    """Every option path of a recipe with the value it has: "lr", "head.dropout", "stages.0.optimizer.clip"."""
    found: dict[str, Any] = {}
    for field in fields(Recipe):
        value = getattr(recipe, field.name)
        if isinstance(value, Part):
            found |= _options_of_part(field.name, value)
        elif field.name in ("prepare", "augment", "posthoc"):
            for i, part in enumerate(value):
                found |= _options_of_part(f"{field.name}.{i}", part)
        elif field.name not in ("name", "about", "search", "stages", "hierarchy"):
            found[field.name] = value
    for i, stage in enumerate(recipe.stages):
        own = f"stages.{i}"
        found[f"{own}.steps" if stage.steps is not None else f"{own}.epochs"] = stage.steps or stage.epochs
        found |= {f"{own}.{name}": getattr(stage, name) for name in ("floor", "sampler", "statistics")}
        for name in ("optimizer", "schedule"):
            found |= {f"{own}.{name}.{k}": v for k, v in vars(getattr(stage, name)).items()}
        for j, part in enumerate(stage.losses):
            found |= _options_of_part(f"{own}.losses.{j}", part)
            found[f"{own}.losses.{j}.weight"] = part.weight
    for name in ALIKE:
        own_values = {v for k, v in found.items() if k.startswith("stages.") and k.rpartition(".")[2] == name}
        if len(own_values) == 1:
            found[name] = own_values.pop()
    return found


def _options_of_part(place: str, part: Part) -> dict[str, Any]:
    folder = place.split(".")[-2] if place[-1].isdigit() else place
    folder = {"backbone": "backbones", "head": "heads", "hierarchy": "hierarchies"}.get(folder, folder)
    known = registry.options(folder, part.name)  # type: ignore[arg-type]
    return {f"{place}.{name}": part.options.get(name, p.default) for name, p in known.items()}


def check_search(recipe: Recipe) -> None:
    """Refuse a search space that names no option, is no space, or leaves out the recipe's own value.

    Raises:
        RecipeError: with the nearest option path.
    """
    known = options_of(recipe) if recipe.search else {}
    for path, space in recipe.search.items():
        where = f"{recipe.name}: search.{path}"
        if path not in known:
            raise RecipeError(f"unknown option {path!r}", where=where, remedy=nearest(path, tuple(known)))
        own = known[path]
        own = list(own) if isinstance(own, tuple) else own
        if isinstance(space, list | tuple):
            plain = [list(c) if isinstance(c, tuple) else c for c in space]
            if len(plain) < 2 or any(c in plain[:i] for i, c in enumerate(plain)):
                raise RecipeError("choices must be two or more, all different", where=where, remedy="e.g. [200, 400].")
            if own not in plain:
                raise RecipeError(
                    f"its default {own!r} is not one of the choices", where=where, remedy="add it to the choices."
                )
        else:
            _check_range(space, own, where)


def _check_range(space: Any, own: Any, where: str) -> None:
    remedy = "e.g. { low = 0.001, high = 0.1, log = true }, or a list of choices."
    if not isinstance(space, Mapping) or not {"low", "high"} <= space.keys() <= _KEYS:
        raise RecipeError(f"{space!r} is not a search space", where=where, remedy=remedy)
    low, high = space["low"], space["high"]
    if not (_number(low) and _number(high) and low < high and isinstance(space.get("log", False), bool)):
        raise RecipeError("low and high must be numbers, low below high", where=where, remedy=remedy)
    if space.get("log", False) and low <= 0:
        raise RecipeError(
            "a logarithmic range must begin above 0", where=where, remedy="raise low, or set log = false."
        )
    if isinstance(own, int) and not (isinstance(low, int) and isinstance(high, int)):
        raise RecipeError("the option takes whole numbers", where=where, remedy="write low and high as whole numbers.")
    if not (_number(own) and low <= own <= high):
        raise RecipeError(f"its default {own!r} is not in the range", where=where, remedy="widen the range.")


def touches(override: str, path: str) -> bool:
    """Whether an override by this key decides the option at `path`, so that it is no longer to be searched."""
    a, b = override.split("."), path.split(".")
    names = [part[-1].replace("epochs", "steps") for part in (a, b)]
    alike = names[0] == names[1] and any(len(part) == 1 and part[0] in ALIKE for part in (a, b))
    shorter = min(len(a), len(b))
    return alike or a[:shorter] == b[:shorter]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
