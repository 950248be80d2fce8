"""`handful hierarchy`: the class hierarchy that hierarchical losses use."""

from pathlib import Path
from typing import Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli._data_options import ImageOptions


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
    json: o.Json = False,
    *,
    data_options: ImageOptions,
) -> None:
    """Show the class hierarchy.

    Prints the tree that the hierarchical losses of the recipe would use; --out draws it.
    """
    from rich.console import Console

    from handful.cli._data import read
    from handful.cli._output import print_json, print_lines, print_text, print_to_stderr
    from handful.core.files import refuse_existing
    from handful.models.device import select_device
    from handful.recipes.label_space import hierarchy_recipe
    from handful.reports.dendrogram import dendrogram_figure, tree_lines
    from handful.reports.plots import check_figure, save_figure
    from handful.training.induced_hierarchy import induced_hierarchy

    with print_to_stderr():
        loaded = hierarchy_recipe(recipe, source=source, overrides=set_ or ())
        assert loaded.hierarchy is not None
        if out is not None:
            check_figure(out)
            refuse_existing(out, overwrite=overwrite)
        select_device(device)
        samples = read(data, data_options)
        tree = induced_hierarchy(loaded, samples, seed=seed, device=device)
        if out is not None:
            save_figure(dendrogram_figure(tree), out, overwrite=overwrite)
    if json:
        nodes = {"parents": tree.parents, "names": tree.names}
        print_json({"source": loaded.hierarchy.name, "classes": samples.classes, **nodes, "out": out})
        return
    console = Console()
    lines = tree_lines(tree, width=console.width if console.is_terminal else None)
    print_lines("\n".join(lines))
    joins = len(tree.names) - tree.leaves
    drawn = "" if out is None else f" Figure: {out}"
    print_text(f"{tree.leaves} classes, {joins} joins, by {loaded.hierarchy.name}.{drawn}")
