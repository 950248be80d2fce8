"""Overrides: values of a recipe set by path, before the recipe is checked."""

from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from handful.core.parsing import parse_toml
from handful.core.recipe import Recipe
from handful.errors import RecipeError, option
from handful.recipes.renamed import current_path

STAGE_OPTIONS = ("steps", "epochs", "lr")  # without a path they apply to every stage


def refuse_text(overrides: Sequence[str]) -> None:
    """Refuse a single text in place of a list of overrides, which would be read letter by letter.

    Raises:
        RecipeError: names the list that is meant.
    """
    if isinstance(overrides, str):
        raise RecipeError(
            f"one text instead of a list: {overrides!r}",
            where=option("overrides", None),
            remedy=f"write {option('overrides', overrides)}.",
        )


def override(tree: dict[str, Any], text: str) -> None:
    """Apply an override "key=value" to a recipe's tree; an option that is set is taken out of the search space.

    Raises:
        RecipeError: not a "key=value" text, or a key that does not exist.
    """
    key, equals, value_text = text.partition("=")
    if not equals:
        raise RecipeError(
            f"{text!r} is not an override",
            remedy=f"write key=value, e.g. {option('overrides', 'head.pool=foreground')}.",
        )
    try:
        value = parse_toml(f"x = {value_text}")["x"]
    except ValueError:
        value = value_text
    path = current_path(tree, key.strip())
    _refuse_like_stage_option(path)
    if "search" in tree and isinstance(tree["search"], dict) and not path.startswith("search."):
        tree["search"] = {k: v for k, v in tree["search"].items() if not touches(path, k)}
    put(tree, path.split("."), value)


def _refuse_like_stage_option(path: str) -> None:
    """Refuse `step`, which is no key of a recipe: the error about unknown keys does not know `steps`."""
    if "." in path or path in STAGE_OPTIONS or path in {field.name for field in fields(Recipe)}:
        return
    close = get_close_matches(path, STAGE_OPTIONS, n=1, cutoff=0.7)
    if close:
        raise RecipeError(
            f"unknown key {path!r}", where=option("overrides", None), remedy=f"did you mean {close[0]!r}?"
        )


def put(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    """Set a plain value at a path; `steps`, `epochs` and `lr` without a path apply to every stage.

    Raises:
        RecipeError: a path that does not exist.
    """
    if keys[0] in STAGE_OPTIONS:
        for i, stage in enumerate(tree.get("stages", [])):
            if keys[0] == "lr":
                stage.setdefault("optimizer", {})["lr"] = value
            else:
                stage.pop("epochs" if keys[0] == "steps" else "steps", None)
                tree["stages"][i][keys[0]] = value
        return
    node: Any = tree
    for i, key in enumerate(keys[:-1]):
        if isinstance(node, list):
            if not key.isdigit() or int(key) >= len(node):
                raise RecipeError(
                    f"there is no item {key!r}", where=".".join(keys[:i]), remedy=f"items are 0 to {len(node) - 1}."
                )
            node = node[int(key)]
        else:
            node = node.setdefault(key, {})
        if not isinstance(node, dict | list):
            raise RecipeError(f"{key!r} has no keys below it", where=".".join(keys), remedy="shorten the key.")
    if isinstance(node, list):
        raise RecipeError("a whole list item cannot be set", where=".".join(keys), remedy="name a key inside it.")
    node[keys[-1]] = value


def touches(override: str, path: str) -> bool:
    """Whether an override with this key sets the option at `path`, which is then not searched."""
    a, b = override.split("."), path.split(".")
    names = [part[-1].replace("epochs", "steps") for part in (a, b)]
    same_option = names[0] == names[1] and any(len(part) == 1 and part[0] in STAGE_OPTIONS for part in (a, b))
    shorter = min(len(a), len(b))
    return same_option or a[:shorter] == b[:shorter]
