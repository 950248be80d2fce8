"""`handful distil`: one network that has learnt from a saved model or ensemble."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from handful.cli import _options as o


def distil(
    model: Annotated[
        Path, Argument(metavar="MODEL", show_default=False, help="The teacher: a saved model or ensemble.")
    ],
    data: o.Data,
    recipe: o.Recipe,
    out: Annotated[Path, Option("--out", "-o", metavar="FOLDER", show_default=False, help="Folder for the model.")],
    temperature: Annotated[
        float, Option(metavar="T", min=0.01, max=1000.0, help="Softens the teacher's probabilities.")
    ] = 4.0,
    labels: Annotated[
        float, Option(metavar="SHARE", min=0.0, max=1.0, help="Weight of the images' own labels beside the teacher.")
    ] = 0.1,
    masks: o.Masks = None,
    per_class: o.PerClass = None,
    seed: o.Seed = 0,
    set_: o.Sets = None,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    allow_outside: o.Outside = False,
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Train one network on a model's predictions.

    Learns from the training part of DATA as the teacher sees it, unlabelled images included; then the teacher is not
    needed any more.
    """
    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, working
    from handful.data.splits import draw, training_part
    from handful.models.device import select_device
    from handful.parts.losses.distillation import distilled
    from handful.recipes.load import load_recipe
    from handful.saving.checkpoint import refuse_unfinished
    from handful.saving.classifier import load_classifier, refuse_existing_model, save_classifier
    from handful.training.train import train

    with working():
        select_device(device)
        load_classifier(model)
        plan = distilled(
            load_recipe(recipe, overrides=set_ or ()), model.resolve(), temperature=temperature, labels=labels
        )
        refuse_existing_model(out, overwrite=overwrite)
        refuse_unfinished(out, resume=resume, overwrite=overwrite)
        samples = read(data, masks=masks, columns=column, allow_outside=allow_outside, unlabelled=True)
        part = training_part(samples) if per_class is None else draw(samples, per_class, seed)[0]
        classifier = train(plan, part, seed=seed, device=device, folder=out, resume=resume)
        save_classifier(classifier, out, overwrite=overwrite)
    if json:
        print_json({"model": out, "recipe": plan.name, "classes": classifier.classes, "card": classifier.card})
        return
    card = classifier.card
    rows = [
        ("model", str(out)),
        ("teacher", str(model)),
        ("trained on", f"{card['train_images']} labelled and {card['unlabelled_images']} unlabelled images"),
        ("took", f"{card['seconds']:.0f} s, {card['steps']} steps on {card['device']}"),
    ]
    print_table(("", ""), rows, text=2)
    print_text(f"Next: handful predict {out} IMAGES --out predictions.csv.")
