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
    extends = tree.pop("extends", None)
    if extends is None:
        return to_current(tree, where)
    if not isinstance(extends, str):
        raise RecipeError("extends must name one recipe", where=where, remedy='e.g. extends = "classification".')
    name = str(Path(where).parent / extends) if extends.endswith(".toml") else extends
    if name in (where, *seen):
        chain = " extends ".join((*seen, where, name))
        raise RecipeError(f"recipes extend each other: {chain}", where=where, remedy="remove one of the extends lines.")
    try:
        base = read(name)
    except RecipeError as error:
        raise RecipeError(f"extends: {error.what}", where=where, remedy=error.remedy) from error
    base = resolve(base, name, read, (*seen, where))
    tree = to_current(tree, where, base=base)
    not_inherited = {"name", "about", *(["search"] if "search" in tree else [])}
    merged = _merge(tree, {k: v for k, v in base.items() if k not in not_inherited})
    if isinstance(tree.get("stages"), list) and isinstance(base.get("stages"), list):
        merged["stages"] = _merge_stages(tree["stages"], base["stages"])
    return merged


def _merge(tree: Tree, base: Tree) -> Tree:
    merged = dict(base)
    for key, value in tree.items():
        default = base.get(key)
        merged[key] = value
        if isinstance(value, dict) and isinstance(default, dict) and value.get("name") in (None, default.get("name")):
            merged[key] = _merge(value, default)
    return merged


def _merge_stages(stages: list[Any], base: list[Any]) -> list[Any]:
    merged = []
    for i, stage in enumerate(stages):
        inherited = dict(base[min(i, len(base) - 1)]) if base else {}
        if isinstance(stage, dict):
            if "steps" in stage or "epochs" in stage:  # a budget is one of the two
                inherited = {k: v for k, v in inherited.items() if k not in ("steps", "epochs", "floor")}
            stage = _merge(stage, inherited)
        merged.append(stage)
    return merged
