"""`handful recipes`: list recipes, or print one."""

from typing import Annotated

from typer import Argument

from handful.cli import _options as o


def recipes(
    name: Annotated[
        str | None, Argument(metavar="NAME", show_default=False, help="Recipe to print as TOML; default: list all.")
    ] = None,
    set_: o.Sets = None,
    json: o.Json = False,
) -> None:
    """List recipes, or print one."""
    from handful.cli._output import print_indented, print_json, print_text, print_to_stderr
    from handful.recipes.load import load_recipe, recipe_names
    from handful.recipes.write import fingerprint, to_toml, to_tree

    with print_to_stderr():
        chosen = [load_recipe(n, overrides=set_ or ()) for n in ([name] if name else recipe_names())]
    if json and name:
        print_json({"fingerprint": fingerprint(chosen[0]), "recipe": to_tree(chosen[0])})
    elif json:
        print_json({"recipes": [{"name": r.name, "fingerprint": fingerprint(r), **r.about} for r in chosen]})
    elif name:
        print(to_toml(chosen[0]), end="")
    else:
        for r in chosen:
            print_text(r.name)
            print_indented("; ".join(r.about[key] for key in ("what", "time") if key in r.about))
