"""`handful fit`: train one classifier and save it."""

from pathlib import Path
from typing import Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli._output import calibration_rows


def fit(
    data: o.Data,
    recipe: Annotated[
        str,
        Option(
            "--recipe",
            "-r",
            metavar="NAME",
            show_default=False,
            help="Recipe name (see `handful recipes`) or .toml file; auto: pick one by cross-validation.",
        ),
    ],
    out: Annotated[Path, Option("--out", "-o", metavar="FOLDER", show_default=False, help="Folder for the model.")],
    masks: o.Masks = None,
    per_class: o.PerClass = None,
    budget: Annotated[
        str | None,
        Option(metavar="TIME", show_default=False, help="Wall time to pick a recipe in (auto); default: 10m."),
    ] = None,
    seed: o.Seed = 0,
    set_: o.Sets = None,
    temperature: o.Temperature = False,
    coverage: o.Coverage = None,
    reject: o.Reject = None,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    strict: o.Strict = False,
    track: o.Track = None,
    track_to: o.TrackTo = o.TRACKING,
    device: o.Device = "auto",
    allow_outside: o.Outside = False,
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Train a classifier and save it.

    Learns from the training part of DATA, or from --per-class images of it; the model is a folder.
    """
    from contextlib import nullcontext
    from dataclasses import replace

    from handful.cli._data import read
    from handful.cli._errors import say
    from handful.cli._output import print_json, print_table, print_text, watched, working
    from handful.comparison.auto import FEW, select_recipe
    from handful.comparison.budget import read_budget
    from handful.data.check import check
    from handful.data.splits import draw, training_part
    from handful.errors import ProtocolError
    from handful.evaluation.executor import default_jobs
    from handful.evaluation.tracking import Tracking
    from handful.inspection.image_statistics import StatisticsCollector
    from handful.inspection.quick_check import MOST, quick_warnings
    from handful.models.device import select_device
    from handful.recipes.calibration import with_calibration
    from handful.recipes.load import load_recipe
    from handful.saving.checkpoint import refuse_unfinished
    from handful.saving.classifier import refuse_existing_model, save_classifier
    from handful.saving.model_card import data_facts
    from handful.training.launcher import rank_and_world_size
    from handful.training.train import train

    auto = recipe == "auto"
    with working():
        if budget is not None and not auto:
            raise ProtocolError("there is nothing to pick", where=f"--budget {budget}", remedy="pass --recipe auto.")
        if auto and rank_and_world_size()[1] > 1:
            wrong = "several processes cannot share the picking"
            raise ProtocolError(wrong, where="--recipe auto", remedy="start it once, or name a recipe.")
        spent = read_budget(budget or "10m", None).seconds
        plan = load_recipe(FEW if auto else recipe, overrides=set_ or ())
        plan = with_calibration(plan, temperature=temperature, coverage=coverage, reject=reject)
        select_device(device)
        refuse_existing_model(out, overwrite=overwrite)
        refuse_unfinished(out, resume=resume, overwrite=overwrite)
        samples = read(data, masks=masks, columns=column, allow_outside=allow_outside)
        measuring = StatisticsCollector() if len(samples) <= MOST else None
        check(samples, per_class=per_class, strict=strict, each=measuring.add if measuring else None)
        for line in quick_warnings(samples, measuring.result()) if measuring else ():
            say("Note", line, style="yellow")
        part = training_part(samples) if per_class is None else draw(samples, per_class, seed)[0]
        picked = None
        if auto:
            assert spent is not None
            picked = select_recipe(
                part,
                out.with_name(f"{out.name}-comparison"),
                seconds=spent,
                seed=seed,
                overrides=set_ or (),
                jobs=default_jobs(device),
                device=device,
                overwrite=overwrite,
                progress=watched(),
                on_message=print_text,
            )
            plan = with_calibration(picked.recipe, temperature=temperature, coverage=coverage, reject=reject)
        known = {"recipe": plan.name, "data": data, "seed": seed, "images": len(part)}
        first = rank_and_world_size()[0] == 0
        tracking = Tracking(track, track_to, plan.name, known) if track is not None and first else None
        with tracking or nullcontext():
            log = None if tracking is None else tracking.log
            classifier = train(plan, part, seed=seed, device=device, folder=out, resume=resume, log=log)
        if rank_and_world_size()[0] > 0:
            return
        if picked is not None:
            classifier = replace(classifier, card={**classifier.card, "auto": picked.card})
        classifier = replace(classifier, card={**classifier.card, "data": data_facts(part)})
        save_classifier(classifier, out, overwrite=overwrite)
    if json:
        print_json({"model": str(out), "recipe": plan.name, "classes": classifier.classes, "card": classifier.card})
        return
    card = classifier.card
    counts = list(card["images_per_class"].values())
    spread = f"{min(counts)}" if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"
    how = f"{card['steps']} steps" if card["steps"] else "fitted"
    beside = f", and {card['unlabelled_images']} without a label" if card["unlabelled_images"] else ""
    rows = [
        ("model", str(out)),
        ("recipe", plan.name),
        ("trained on", f"{card['train_images']} images of {len(classifier.classes)} classes ({spread} each){beside}"),
        ("took", f"{card['seconds']:.0f} s, {how} on {card['device']}"),
    ]
    if picked is not None:
        rows.insert(
            2, ("picked", picked.why if picked.study is None else f"{picked.why} Settings: {picked.study.why}.")
        )
    print_table(("", ""), [*rows, *calibration_rows(card)], text=2)
    print_text(f"Next: handful predict {out} IMAGES --out predictions.csv. A score takes `handful evaluate`.")
