"""A recipe written as another one and what it changes: `extends = "NAME"`, or a .toml file's path from its folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from handful.errors import RecipeError
from handful.recipes.renamed import to_current

Tree = dict[str, Any]
Read = Callable[[str], Tree]  # a recipe's name or path to its TOML


def resolve(tree: Tree, where: str, read: Read, seen: tuple[str, ...] = ()) -> Tree:
    """The tree laid over those it extends, the furthest at the bottom; former names are replaced (`renamed`).

    A table is laid over the base's key by key, unless it names another part: then it takes the table's place. A list
    takes the list's place, but stages are laid over the base's by position; those beyond its last, over its last.
    `name` and `about` are a file's own, and a `search` takes the base's place.

    Raises:
        RecipeError: the base is no name, is unknown, or extends what extends it.
    """
    tree = dict(tree)
    base = tree.pop("extends", None)
    if base is None:
        return to_current(tree, where)
    if not isinstance(base, str):
        raise RecipeError("extends must name one recipe", where=where, remedy='e.g. extends = "classification-lite0".')
    name = str(Path(where).parent / base) if base.endswith(".toml") else base
    if name in (where, *seen):
        chain = " extends ".join((*seen, where, name))
        raise RecipeError(f"recipes extend each other: {chain}", where=where, remedy="remove one of the extends lines.")
    try:
        below = read(name)
    except RecipeError as error:
        raise RecipeError(f"extends: {error.what}", where=where, remedy=error.remedy) from error
    below = resolve(below, name, read, (*seen, where))
    tree = to_current(tree, where, base=below)
    own = {"name", "about", *(["search"] if "search" in tree else [])}
    merged = _over(tree, {k: v for k, v in below.items() if k not in own})
    if isinstance(tree.get("stages"), list) and isinstance(below.get("stages"), list):
        merged["stages"] = _stages(tree["stages"], below["stages"])
    return merged


def _over(own: Tree, base: Tree) -> Tree:
    merged = dict(base)
    for key, value in own.items():
        under = base.get(key)
        merged[key] = value
        if isinstance(value, dict) and isinstance(under, dict) and value.get("name") in (None, under.get("name")):
            merged[key] = _over(value, under)
    return merged


def _stages(own: list[Any], base: list[Any]) -> list[Any]:
    found = []
    for i, stage in enumerate(own):
        under = dict(base[min(i, len(base) - 1)]) if base else {}
        if isinstance(stage, dict):
            if "steps" in stage or "epochs" in stage:  # a budget is one of the two
                under = {k: v for k, v in under.items() if k not in ("steps", "epochs", "floor")}
            stage = _over(stage, under)
        found.append(stage)
    return found
