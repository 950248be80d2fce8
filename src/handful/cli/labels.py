"""`handful labels`: similarity of the label embeddings that a recipe compares images with."""

from pathlib import Path
from typing import Annotated

from typer import Option

from handful.cli import _options as o

PLAIN = "classification-wrn"  # its other parts do not matter here


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
            help="Source of the embeddings: minilm (default without a recipe), words, sentences, vectors, image_text.",
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
    allow_outside: o.Outside = False,
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Show similarities of class names.

    Compares the label embeddings of a recipe, and prints the most similar pairs of classes; --out draws the similarity
    matrix.
    """
    import json as codec

    import numpy as np

    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, working
    from handful.core.context import Task
    from handful.core.files import refuse_existing
    from handful.errors import RecipeError
    from handful.models.text.class_names import same_words
    from handful.parts import registry
    from handful.recipes.load import load_recipe
    from handful.reports.plots import check_figure, save_figure
    from handful.reports.similarity_matrix import closest_pairs, cosine_matrix, similarity_figure

    with working():
        words = [("source", source), ("path", path), ("aliases", aliases)]
        chosen = ['labels={name="word_embeddings"}'] if recipe is None else []
        chosen += [f"labels.{key}={codec.dumps(str(value))}" for key, value in words if value is not None]
        plan = load_recipe(recipe or PLAIN, overrides=[*chosen, *(set_ or ())])
        if plan.labels.name == "one_hot":
            raise RecipeError(
                "the labels of this recipe are one-hot: all classes are equally dissimilar",
                where=plan.name,
                remedy='use another recipe, or none, or add --set labels.name="word_embeddings".',
            )
        if out is not None:
            check_figure(out)
            refuse_existing(out, overwrite=overwrite)
        samples = read(data, columns=column, allow_outside=allow_outside)
        names = samples.classes
        found = registry.build_labels(plan, Task(names, samples.counts), seed=seed)
        matrix = cosine_matrix(found.vectors.numpy().astype(np.float64))
        closest = closest_pairs(matrix)
        if out is not None:
            save_figure(similarity_figure(matrix, names), out, overwrite=overwrite)
    from_names = registry.has_trait("labels", plan.labels, "reads_names")
    origin = str(plan.labels.options.get("source", "minilm")) if from_names else "chance"
    if json:
        print_json(
            {
                "source": origin,
                "size": found.size,
                "classes": names,
                "read_as": found.read_as,
                "cosines": [[round(float(value), 4) for value in row] for row in matrix],
                "out": out,
            }
        )
        return
    rows = [(names[a], names[b], f"{value:.2f}") for a, b, value in closest[:pairs]]
    print_table(("class", "class", "cosine"), rows, text=2)
    values = [value for *_, value in closest]
    print_text(
        f"{len(names)} classes, {found.size} numbers each, by {origin}: cosines from {min(values):.2f} to "
        f"{max(values):.2f}, mean {np.mean(values):.2f}."
    )
    read_as = zip(names, found.read_as, strict=False)
    other = [f"{name} as {text}" for name, text in read_as if not same_words(name, text)]
    if other:
        more = f" and {len(other) - 20} more" if len(other) > 20 else ""
        print_text(f"Read: {', '.join(other[:20])}{more}.")
    if out is not None:
        print_text(f"Drawn in {out}.")
