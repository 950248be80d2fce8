"""Inheritance: `extends = "NAME"`, or the path of a .toml file relative to this file's folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from handful.errors import RecipeError
from handful.recipes.renamed import to_current

Tree = dict[str, Any]
Read = Callable[[str], Tree]  # a recipe's name or path to its TOML


def resolve(tree: Tree, where: str, read: Read, seen: tuple[str, ...] = ()) -> Tree:
    """Merge a recipe into the one that it extends, and that one into its own base; former names become current ones.

    Tables are merged key by key, unless the table names another part: then it replaces the base's table. A list
    replaces the base's list, except that stages are merged by position; further ones are merged into the base's last.
    `name` and `about` are not inherited, and a `search` replaces the base's.

    Raises:
        RecipeError: the base is not a name, is unknown, or extends this recipe.
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
    not_inherited = {"name", "about", *(["search"] if "search" in tree else [])}
    merged = _merge(tree, {k: v for k, v in below.items() if k not in not_inherited})
    if isinstance(tree.get("stages"), list) and isinstance(below.get("stages"), list):
        merged["stages"] = _merge_stages(tree["stages"], below["stages"])
    return merged


def _merge(own: Tree, base: Tree) -> Tree:
    merged = dict(base)
    for key, value in own.items():
        under = base.get(key)
        merged[key] = value
        if isinstance(value, dict) and isinstance(under, dict) and value.get("name") in (None, under.get("name")):
            merged[key] = _merge(value, under)
    return merged


def _merge_stages(own: list[Any], base: list[Any]) -> list[Any]:
    merged = []
    for i, stage in enumerate(own):
        under = dict(base[min(i, len(base) - 1)]) if base else {}
        if isinstance(stage, dict):
            if "steps" in stage or "epochs" in stage:  # a budget is one of the two
                under = {k: v for k, v in under.items() if k not in ("steps", "epochs", "floor")}
            stage = _merge(stage, under)
        merged.append(stage)
    return merged
