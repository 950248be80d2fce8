"""Recipes as text for the terminal: all of them by purpose, or one explained."""

from collections.abc import Sequence

from handful.core.recipe import Recipe
from handful.core.text import capitalize, wrap
from handful.recipes.purposes import PURPOSES, Control, purpose_of

NARROW = 80  # columns below which a recipe's name has a line of its own
MARGIN = "  "


SIZES = ("wrn", "resnet")  # ends of names: the method on a network of this kind


def format_recipes(recipes: Sequence[Recipe], *, width: int) -> str:
    """All recipes below their purposes, in lines of at most `width` characters; without a purpose, last.

    A method on other networks, or combined with another recipe's method, is named in the entry of the method.
    """
    families = _families(recipes)
    column = max(map(len, families), default=0) + 2 * len(MARGIN)
    blocks = []
    for purpose in (*PURPOSES, None):
        group = [recipe for recipe in recipes if recipe.name in families and purpose_of(recipe) == purpose]
        first = PURPOSES[purpose].first if purpose is not None else ""
        lines = [] if not group else wrap(capitalize(_describe(purpose)), width)
        for recipe in sorted(group, key=lambda recipe: (recipe.name != first, recipe.name)):
            lines += _entry(recipe, families[recipe.name], width=width, column=column)
        blocks += ["\n".join(lines)] if lines else []
    more = "Next: handful recipes NAME explains one of them. All but those from random weights take --backbone NAME."
    return "\n\n".join([*blocks, "\n".join(wrap(more, width))])


def _families(recipes: Sequence[Recipe]) -> dict[str, list[str]]:
    """The recipes with entries of their own, and the names that are told in each of them.

    `cvs-wrn` and `cvs-full` belong to `cvs`: their names end with a network, or with another recipe. Of the papers' own
    recipes every one belongs to the one whose name it continues.
    """
    purposes = {recipe.name: purpose_of(recipe) for recipe in recipes}
    base = {}
    for name in purposes:
        cuts = [i for i, character in enumerate(name) if character == "-"]
        paper = purposes[name] == "paper-sized"
        fitting = [name[:i] for i in cuts if paper or name[i + 1 :] in SIZES or name[i + 1 :] in purposes]
        base[name] = next((b for b in fitting if purposes.get(b) == purposes[name]), name)
    return {name: [n for n, b in base.items() if b == name != n] for name in purposes if base[name] == name}


def _describe(purpose: str | None) -> str:
    if purpose is None:
        return "other recipes"
    return f"{purpose}: {PURPOSES[purpose].what}. Take them {PURPOSES[purpose].when}."


def _entry(recipe: Recipe, variants: Sequence[str], *, width: int, column: int) -> list[str]:
    what = recipe.about.get("what", "") + (f"; also {', '.join(variants)}" if variants else "")
    if width < NARROW:
        margin = 2 * MARGIN
        return [MARGIN + recipe.name, *wrap(what, width, first=margin, indent=margin)]
    first = (MARGIN + recipe.name).ljust(column)
    return wrap(what, width, first=first, indent=" " * column) if what else [first.rstrip()]


def format_explanation(recipe: Recipe, control: Control | None, *, width: int) -> str:
    """What a recipe is, when to take it, its time, scores, control and source, as comments of a TOML file."""
    about, purpose = recipe.about, purpose_of(recipe)
    rows = [
        ("What", about.get("what", "")),
        ("When", f"{PURPOSES[purpose].when} ({purpose})" if purpose is not None else ""),
        ("Time", about.get("time", "")),
        ("Accuracy", about.get("expected", "")),
        ("Control", _control(control)),
        ("Source", about.get("paper", "")),
        ("Try", about.get("command", "")),
    ]
    column = max(len(name) for name, _ in rows) + 2
    lines = [f"# {recipe.name}", "#"]
    for name, value in rows:
        if value:
            first = f"# {name}".ljust(column + 2)
            indent = "#".ljust(column + 2)
            lines += wrap(value, width, first=first, indent=indent)
    return "\n".join(lines)


def _control(control: Control | None) -> str:
    if control is None:
        return "none; others may be compared with it"
    differs = f", from which it differs in {', '.join(control.keys)}" if control.keys else ""
    return f"{control.name}{differs}"
