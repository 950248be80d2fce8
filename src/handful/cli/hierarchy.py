"""`handful hierarchy`: the class hierarchy that hierarchical losses use."""

from pathlib import Path
from typing import Annotated

from typer import Option

from handful.cli import _options as o

PLAIN = "classification-wrn"  # trained by the source classifier_weights if no recipe is given


def hierarchy(
    data: o.Data,
    recipe: Annotated[
        str | None,
        Option("--recipe", "-r", metavar="NAME", show_default=False, help="Recipe whose hierarchy is shown."),
    ] = None,
    source: Annotated[
        str | None,
        Option(
            metavar="NAME",
            show_default=False,
            help="Source of the hierarchy: embeddings (default without a recipe), classifier_weights, nested_yaml or "
            "wordnet; its options by --set hierarchy.KEY=VALUE.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        Option("--out", "-o", metavar="FILE", show_default=False, help="Dendrogram to write, .png or .svg."),
    ] = None,
    set_: o.Sets = None,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    allow_outside: o.Outside = False,
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Show the class hierarchy.

    Prints the tree that the hierarchical losses of the recipe would use; --out draws it.
    """
    from rich.console import Console

    from handful.cli._data import read
    from handful.cli._output import print_json, print_lines, print_text, working
    from handful.core.files import refuse_existing
    from handful.errors import RecipeError
    from handful.models.device import select_device
    from handful.recipes.load import load_recipe
    from handful.reports.dendrogram import dendrogram_figure, tree_lines
    from handful.reports.plots import check_figure, save_figure
    from handful.training.induced_hierarchy import induced_hierarchy

    with working():
        chosen = [f'hierarchy={{name="{source}"}}'] if source is not None else []
        if recipe is None and source is None:
            chosen = ['hierarchy={name="embeddings"}']
        plan = load_recipe(recipe or PLAIN, overrides=[*chosen, *(set_ or ())])
        if plan.hierarchy is None:
            raise RecipeError("this recipe has no hierarchy", where=plan.name, remedy="name a source: --source NAME.")
        if out is not None:
            check_figure(out)
            refuse_existing(out, overwrite=overwrite)
        select_device(device)
        samples = read(data, columns=column, allow_outside=allow_outside)
        found = induced_hierarchy(plan, samples, seed=seed, device=device)
        if out is not None:
            save_figure(dendrogram_figure(found), out, overwrite=overwrite)
    if json:
        tree = {"parents": found.parents, "names": found.names}
        print_json({"source": plan.hierarchy.name, "classes": samples.classes, **tree, "out": out})
        return
    console = Console()
    lines = tree_lines(found, width=console.width if console.is_terminal else None)
    print_lines("\n".join(lines))
    joins = len(found.names) - found.leaves
    drawn = "" if out is None else f" Drawn in {out}."
    print_text(f"{found.leaves} classes, {joins} joins, by {plan.hierarchy.name}.{drawn}")
