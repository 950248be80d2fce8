"""`handful distil`: distil a saved model or ensemble into one network."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from handful.cli import _options as o
from handful.cli._data_options import DataOptions


def distil(
    model: Annotated[
        Path,
        Argument(
            metavar="MODEL",
            show_default=False,
            help="Teacher: model folder (from `handful fit` or `handful ensemble`).",
        ),
    ],
    data: o.Data,
    recipe: o.Recipe,
    out: Annotated[
        Path, Option("--out", "-o", metavar="FOLDER", show_default=False, help="Output folder for the model.")
    ],
    temperature: Annotated[
        float, Option(metavar="T", min=0.01, max=1000.0, help="Softmax temperature of teacher and student.")
    ] = 4.0,
    labels: Annotated[
        float,
        Option(
            metavar="SHARE", min=0.0, max=1.0, help="Weight of the true labels in the loss; the rest is the teacher's."
        ),
    ] = 0.1,
    per_class: o.PerClass = None,
    seed: o.Seed = 0,
    set_: o.Sets = None,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: DataOptions,
) -> None:
    """Distil a model into one network.

    Trains a student on the predictions of the teacher, a model or an ensemble, for the training split of DATA,
    unlabelled images included.
    """
    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, print_to_stderr
    from handful.recipes.load import load_recipe
    from handful.training.distil import distil_to

    with print_to_stderr():
        classifier = distil_to(
            out,
            model,
            load_recipe(recipe, overrides=set_ or ()),
            read(data, data_options, unlabelled=True),
            temperature=temperature,
            labels=labels,
            per_class=per_class,
            seed=seed,
            device=device,
            resume=resume,
            overwrite=overwrite,
        )
    card = classifier.card
    if json:
        print_json({"model": out, "recipe": classifier.recipe.name, "classes": classifier.classes, "card": card})
        return
    rows = [
        ("model", str(out)),
        ("teacher", str(model)),
        ("trained on", f"{card['train_images']} labelled and {card['unlabelled_images']} unlabelled images"),
        ("took", f"{card['seconds']:.0f} s, {card['steps']} steps on {card['device']}"),
    ]
    print_table(("", ""), rows, text=2)
    print_text(f"Next: handful predict {out} IMAGES --out predictions.csv.")
