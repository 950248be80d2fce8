"""Bounds of a recipe's values: types, and numbers that a computer can work with. A recipe may come from a stranger.

The bounds are far above what small data needs: they refuse what would stall a computer or fill its memory, before
anything is built. What a part's options mean is the part's own to check, when it is built.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from handful.core.recipe import Part, Recipe, Stage
from handful.errors import RecipeError
from handful.parts import registry
from handful.recipes.fields import refuse_other_type

MAX_PARTS = 100  # of a list of a recipe
MAX_SIDE = 16_384  # pixels of an image's height and width
MAX_BATCH_PIXELS = 2**31
FIELDS: Mapping[str, int] = {  # largest value of the numbers of a recipe and its stages
    "batch_size": 100_000,
    "cache_views": 1000,
    "peers": 10,
    "steps": 100_000_000,
    "epochs": 1_000_000,
    "floor": 100_000_000,
    "unlabelled": 1000,
}
OPTIONS: Mapping[str, int] = {  # largest value of a part's option, by the name that it has in all parts
    "base_width": 4096,
    "depth": 1000,
    "elastic_grid": 1000,
    "folds": 1000,
    "freeze": 1000,
    "grid": 1000,
    "groups": 4096,
    "harmonics": 1000,
    "hidden": 100_000,
    "iterations": 10_000,
    "largest": MAX_SIDE,
    "members": 1000,
    "operations": 100,
    "per_class": 100_000,
    "rates": 1000,
    "rounds": 1000,
    "seed": 2**63 - 1,
    "side": MAX_SIDE,
    "size": 100_000,
    "stride": 1024,
    "width": 4096,
}
MAX_OPTION = 1_000_000_000  # of the others


def check_values(recipe: Recipe) -> None:
    """Check the types of all options, and the size of all numbers.

    Raises:
        RecipeError: names the value, and what it may be.
    """
    name = recipe.name
    _check_fields(recipe, name)
    for i, stage in enumerate(recipe.stages):
        where = f"{name}: stages.{i}"
        _check_fields(stage, where)
        for view in stage.views:
            _check_fields(view, f"{where}: views")
        _check_fields(stage.optimizer, f"{where}: optimizer")
        _check_fields(stage.schedule, f"{where}: schedule")
    if recipe.image_size is not None:
        h, w = recipe.image_size
        if max(h, w) > MAX_SIDE:
            raise _too_large("image_size", [h, w], MAX_SIDE, name)
        if h * w * recipe.batch_size * _images_of_a_step(recipe) > MAX_BATCH_PIXELS:
            raise RecipeError(
                f"a batch of {recipe.batch_size} images of {h} x {w} pixels is too large",
                where=name,
                remedy=f"lower batch_size or image_size: {MAX_BATCH_PIXELS / 1e9:.1f} billion pixels are possible.",
            )
    for folder, part in _parts(recipe):
        _check_part(folder, part)


def _images_of_a_step(recipe: Recipe) -> float:
    """Images that go through the network in a step, for each labelled one of a batch, at most."""
    return max(((1 + (stage.unlabelled or 0)) * (1 + len(stage.views)) for stage in recipe.stages), default=1)


def _check_fields(values: Recipe | Stage | Any, where: str) -> None:
    """Check the numbers of a dataclass."""
    for name, value in vars(values).items():
        if isinstance(value, tuple) and len(value) > MAX_PARTS:
            raise RecipeError(
                f"{name} has {len(value)} items", where=where, remedy=f"at most {MAX_PARTS} are possible."
            )
        for number in value if isinstance(value, tuple) else (value,):
            _check_number(name, number, where, FIELDS.get(name, MAX_OPTION))


def _check_part(folder: registry.Folder, part: Part) -> None:
    where = f"{folder}/{part.name}"
    for name in ("weight", "start", "stop"):
        _check_number(name, getattr(part, name), where, MAX_OPTION)
    known = registry.options(folder, part.name)
    for name, value in part.options.items():
        default = known[name].default
        refuse_other_type(name, value, known[name].annotation, default, where)
        for number in _numbers(value):
            _check_number(name, number, where, OPTIONS.get(name, MAX_OPTION))
    for inner in registry.members(folder, part):
        _check_part(folder, inner)


def _numbers(value: Any) -> list[Any]:
    """The numbers of an option's value: itself, or what a list or table has."""
    if isinstance(value, Mapping):
        return [number for inner in value.values() for number in _numbers(inner)]
    if isinstance(value, list | tuple):
        return [number for inner in value for number in _numbers(inner)]
    return [value]


def _check_number(name: str, value: Any, where: str, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if not isfinite(value):
        raise RecipeError(f"{name} is {value!r}", where=where, remedy="give a finite number.")
    if abs(value) > most:
        raise _too_large(name, value, most, where)


def _too_large(name: str, value: Any, most: int, where: str) -> RecipeError:
    return RecipeError(f"{name} is {value!r}", where=where, remedy=f"give {most:,} or less.")


def _parts(recipe: Recipe) -> list[tuple[registry.Folder, Part]]:
    parts: list[tuple[registry.Folder, Part]] = [
        ("backbones", recipe.backbone),
        ("heads", recipe.head),
        ("labels", recipe.labels),
    ]
    parts += [("hierarchies", recipe.hierarchy)] if recipe.hierarchy is not None else []
    parts += [("prepare", part) for part in recipe.prepare]
    parts += [("augment", part) for part in recipe.augment]
    parts += [("posthoc", part) for part in recipe.posthoc]
    parts += [("augment", part) for stage in recipe.stages for view in stage.views for part in view.augment]
    return parts + [("losses", part) for stage in recipe.stages for part in stage.losses]
