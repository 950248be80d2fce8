"""The list of methods as Markdown, from the recipes that come with handful and from the docstrings of the parts."""

import ast
import re
from pathlib import Path
from typing import get_args

import handful
from handful.parts.traits import Folder, names
from handful.recipes.purposes import PURPOSES, purpose_of
from handful.recipes.read import read_recipe, recipe_names, recipe_text

FOLDERS = {
    "prepare": "before training",
    "labels": "what stands for a class",
    "hierarchies": "trees of classes",
    "augment": "changes of images while learning",
    "backbones": "networks",
    "heads": "what scores the classes",
    "losses": "what training makes small",
    "posthoc": "after training",
}
HEAD = """# All methods and their sources

Drawn from the recipes and parts that come with handful. A recipe is a complete method; `handful recipes NAME` explains
one and prints it. A part is one file that recipes name. [What was measured](../measured.md) has methods beside their
controls.

## Recipes
"""
ADDRESS = re.compile(r"(?<![(<])(https?://[^\s,;)`]+[^\s,;)`.:])")


def methods() -> str:
    """The page: recipes by purpose with paper and measured score, then the parts with their first sentence."""
    lines = [HEAD]
    recipes = [read_recipe(recipe_text(name), where=name) for name in recipe_names()]
    for purpose, about in PURPOSES.items():
        what = f"{about.what[0].upper()}{about.what[1:]}. Take them {about.when}."
        lines += [f"### {purpose[0].upper()}{purpose[1:]}", "", what, ""]
        lines += ["| recipe | what | source |", "|---|---|---|"]
        for recipe in recipes:
            if purpose_of(recipe) == purpose:
                row = (f"`{recipe.name}`", recipe.about.get("what", ""), recipe.about.get("paper", ""))
                lines.append(f"| {' | '.join(_cell(text) for text in row)} |")
        lines.append("")
    lines += ["## Parts", ""]
    for folder in get_args(Folder):
        lines += [f"### {folder}: {FOLDERS[folder]}", "", "| part | what |", "|---|---|"]
        lines += [f"| `{name}` | {_cell(_linked(_docstring(folder, name)))} |" for name in names(folder)]
        lines.append("")
    return "\n".join(lines)


def _docstring(folder: Folder, name: str) -> str:
    """The first paragraph of a part's docstring, and the link to its source if that comes later."""
    assert handful.__file__ is not None
    text = (Path(handful.__file__).parent / "parts" / folder / f"{name}.py").read_text(encoding="utf-8")
    whole = ast.get_docstring(ast.parse(text)) or ""
    first, _, rest = whole.partition("\n\n")
    later = ADDRESS.search(rest)
    if not ADDRESS.search(first) and later:
        first += f" ({later.group(1)})"
    return " ".join(first.split())


def _linked(text: str) -> str:
    return ADDRESS.sub(r"<\1>", text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
