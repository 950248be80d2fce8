"""`handful fit`: train a classifier and save it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from handful.cli import _options as o
from handful.cli._data_options import DataOptions
from handful.cli._names import check_recipes
from handful.cli._output import calibration_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handful.automl.fit import FitResult
    from handful.core.dataset import Dataset


def fit(
    data: o.Data,
    out: Annotated[
        Path, Option("--out", "-o", metavar="FOLDER", show_default=False, help="Output folder for the model.")
    ],
    recipe: Annotated[
        str,
        Option(
            "--recipe",
            "-r",
            metavar="NAME",
            callback=check_recipes,
            help="Recipe name (see `handful recipes`) or .toml file; auto: select one by cross-validation.",
        ),
    ] = "auto",
    backbone: o.Backbone = None,
    per_class: o.PerClass = None,
    budget: Annotated[
        str | None,
        Option(
            metavar="TIME",
            show_default=False,
            help="Wall time for selecting a recipe with --recipe auto; default: 3m.",
        ),
    ] = None,
    seed: o.Seed = 0,
    set_: o.Sets = None,
    temperature: o.Temperature = False,
    coverage: o.Coverage = None,
    reject: o.Reject = None,
    thresholds: o.Thresholds = False,
    missed: o.Missed = None,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    strict: o.Strict = False,
    track: o.Track = None,
    track_to: o.TrackTo = o.TRACKING,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: DataOptions,
) -> None:
    """Train a classifier and save it.

    Trains on the training split of DATA, or on --per-class images of it. The model is saved as a folder.
    """
    from handful.automl.fit import fit_to
    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, print_to_stderr, stderr_is_terminal
    from handful.comparison.budget import read_budget
    from handful.training.launcher import rank_and_world_size

    with print_to_stderr():
        samples = read(data, data_options)
        result = fit_to(
            out,
            recipe,
            samples,
            backbone=backbone,
            per_class=per_class,
            seed=seed,
            overrides=set_ or (),
            temperature=temperature,
            coverage=coverage,
            reject=reject,
            thresholds=thresholds,
            missed=missed,
            seconds=None if budget is None else read_budget(budget, None).seconds,
            resume=resume,
            overwrite=overwrite,
            strict=strict,
            track=track,
            track_to=track_to,
            source=data,
            device=device,
            progress=stderr_is_terminal(),
            on_message=print_text,
        )
    if rank_and_world_size()[0] > 0:
        return
    classifier = result.classifier
    if json:
        values = {"recipe": result.recipe.name, "classes": classifier.classes, "card": classifier.card}
        print_json({"model": str(out), **values})
        return
    print_table(("", ""), [*_rows(out, result), *_format_row(samples)], text=2)
    print_text(f"Next: handful predict {out} IMAGES --out predictions.csv. `handful evaluate` measures the score.")


def _format_row(data: "Dataset") -> list[tuple[str, str]]:
    """How many files of each format there are, where they are of several: a format may give a class away."""
    from handful.data.formats import count_endings

    counts = count_endings(s.image for s in data.samples if isinstance(s.image, Path))
    return [("files", ", ".join(f"{n} {ending}" for ending, n in counts.items()))] if len(counts) > 1 else []


def _rows(out: Path, result: "FitResult") -> list[tuple[str, str]]:
    classifier, selection, card = result.classifier, result.selection, result.classifier.card
    counts = list(card["images_per_class"].values())
    spread = f"{min(counts)}" if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"
    images = f"{card['train_images']} images with {', '.join(classifier.classes)}"
    if classifier.kind != "number":
        images = f"{card['train_images']} images of {len(classifier.classes)} classes ({spread} each)"
    if classifier.kind == "bag":
        bags = f"{card['bags']} bags of {len(classifier.classes)} classes ({spread} each)"
        images = f"{card['train_images']} images in {bags}"
    among = f", {card['candidate_images']} with several candidates" if card.get("candidate_images") else ""
    unlabelled = f"{among}, and {card['unlabelled_images']} unlabelled" if card["unlabelled_images"] else among
    removed = f"; {card['labels_removed']} more had a label that looks wrong" if card.get("labels_removed") else ""
    steps = f"{card['steps']} steps" if card["steps"] else "fitted"
    rows = [("model", str(out)), ("recipe", result.recipe.name)]
    if selection is not None:
        rows.append(("selected", f"{selection.why}."))
    rows.append(("trained on", f"{images}{unlabelled}{removed}"))
    if "masks" in card:
        rows.append(("masks", _masks(card)))
    rows.append(("took", f"{card['seconds']:.0f} s, {steps} on {card['device']}"))
    if result.recipe.stages and "calibration" not in card and classifier.kind == "multiclass":
        rows.append(("probabilities", "not calibrated: --temperature calibrates them, with further trainings"))
    return [*rows, *calibration_rows(card)]


def _masks(card: "Mapping[str, Any]") -> str:
    """How many images have a mask, and how many of these were given."""
    images, masks, given = card["train_images"] + card["unlabelled_images"], card["masks"], card["data"]["masks"]
    made = f"; {given} {'was' if given == 1 else 'were'} given, the recipe made the others" if masks > given else ""
    return f"{masks} of {images} images {'has' if masks == 1 else 'have'} one{made}"
