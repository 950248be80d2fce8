"""`handful labels`: similarity of the label embeddings that a recipe compares images with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli._data_options import SourceOptions
from handful.core.text import listed

if TYPE_CHECKING:
    from handful.reports.label_similarity import LabelSimilarity


def labels(
    data: o.Data,
    recipe: Annotated[
        str | None,
        Option("--recipe", "-r", metavar="NAME", show_default=False, help="Recipe whose label embeddings are shown."),
    ] = None,
    source: Annotated[
        str | None,
        Option(
            metavar="NAME",
            show_default=False,
            help="Source of the embeddings: minilm (default without a recipe), glove, minilm+glove, words, sentences, "
            "vectors, image_text.",
        ),
    ] = None,
    path: Annotated[
        str | None, Option(metavar="PATH", show_default=False, help="File, folder or model name of the source.")
    ] = None,
    aliases: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            show_default=False,
            help='Text to embed instead of a class name: TOML lines "0" = "zero", or CSV lines 0,zero.',
        ),
    ] = None,
    pairs: Annotated[int, Option(metavar="N", min=1, help="Number of closest pairs to print.")] = 10,
    out: Annotated[
        Path | None,
        Option("--out", "-o", metavar="FILE", show_default=False, help="Similarity matrix to draw, .png or .svg."),
    ] = None,
    set_: o.Sets = None,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    *,
    data_options: SourceOptions,
) -> None:
    """Show similarities of class names.

    Compares the label embeddings of a recipe, and prints the most similar pairs of classes; --out draws the similarity
    matrix.
    """
    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, print_to_stderr
    from handful.core.files import refuse_existing
    from handful.recipes.label_space import labels_recipe
    from handful.reports.label_similarity import label_similarity
    from handful.reports.plots import check_figure

    with print_to_stderr():
        loaded = labels_recipe(recipe, source=source, path=path, aliases=aliases, overrides=set_ or ())
        if out is not None:
            check_figure(out)
            refuse_existing(out, overwrite=overwrite)
        result = label_similarity(loaded, read(data, data_options, find_range=False), seed=seed)
        if out is not None:
            result.save_figure(out, overwrite=overwrite)
    if json:
        cosines = [[round(float(value), 4) for value in row] for row in result.cosines]
        values = {"classes": result.classes, "read_as": result.read_as, "cosines": cosines, "out": out}
        print_json({"source": result.source, "size": result.dimensions, **values})
        return
    print_table(
        ("class", "class", "cosine"), [(a, b, f"{value:.2f}") for a, b, value in result.closest[:pairs]], text=2
    )
    print_text(_summary(result))
    if out is not None:
        print_text(f"Figure: {out}")


def _summary(result: "LabelSimilarity") -> str:
    cosines = [value for *_, value in result.closest]
    text = (
        f"{len(result.classes)} classes, {result.dimensions} numbers each, by {result.source}: cosines from "
        f"{min(cosines):.2f} to {max(cosines):.2f}, mean {sum(cosines) / len(cosines):.2f}."
    )
    others = [f"{name} as {read_as}" for name, read_as in result.read_differently]
    if others:
        text += f"\nRead: {listed(others, 20)}."
    return text
