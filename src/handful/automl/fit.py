"""Fit as one task: check the data, choose a recipe if asked to, train, write the card and save the model."""

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from handful.automl.budget import SECONDS, Budget
from handful.automl.calibration import with_temperature
from handful.automl.candidates import AUTO, choose_candidates
from handful.automl.estimate import TimeNotice
from handful.automl.select import Selection, select
from handful.comparison.candidates import FEW
from handful.core.dataset import Dataset
from handful.core.files import lock_output
from handful.core.recipe import Recipe
from handful.data.check import check
from handful.data.splits import draw, training_split
from handful.errors import HandfulWarning, ProtocolError, RecipeError, by_interface, option
from handful.evaluation.tracking import Kind, Tracking
from handful.inspection.image_statistics import StatisticsCollector
from handful.inspection.quick_check import MOST, quick_warnings
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.recipes.calibration import with_calibration
from handful.recipes.kinds import check_kind
from handful.recipes.load import load_recipe, with_backbone
from handful.recipes.nested_runs import learns_from_unlabelled
from handful.saving.checkpoint import refuse_unfinished
from handful.saving.classifier import refuse_existing_model, save_classifier
from handful.saving.model_card import data_facts
from handful.training.foreign_images import warn_of_foreign_images
from handful.training.launcher import rank_and_world_size
from handful.training.missing_unlabelled import warn_without_unlabelled
from handful.training.train import train

MULTILABEL = "logistic"  # the recipe where none is named, of images with several labels
NUMBER = "ridge"  # and of images with numbers
BAG = "bag-mean"  # and of bags of images
LOG = "results.jsonl"  # of the selection, in the folder beside the model's


@dataclass(frozen=True, eq=False)
class FitResult:
    """The saved classifier, the recipe that trained it, and with recipe "auto" how it was selected."""

    classifier: Classifier
    recipe: Recipe
    selection: Selection | None = None


def fit_to(
    folder: str | Path,
    recipe: str | Path | Recipe,
    data: Dataset,
    *,
    backbone: str | None = None,
    per_class: int | None = None,
    seed: int = 0,
    overrides: Sequence[str] = (),
    temperature: bool = False,
    coverage: float | None = None,
    reject: float | None = None,
    thresholds: bool = False,
    missed: float | None = None,
    seconds: float | None = None,
    resume: bool = False,
    overwrite: bool = False,
    strict: bool = False,
    track: Kind | None = None,
    track_to: Path = Path("tracking"),
    source: str = "",
    device: str = "auto",
    progress: bool = True,
    on_message: Callable[[str], None] = lambda _: None,
) -> FitResult:
    """Train a classifier and save it in `folder`: what `handful fit` does.

    The images are read and checked first: each doubtful thing is a `HandfulWarning`, with `strict` an error.
    Of several processes that a launcher started together, the first one saves.

    Args:
        folder: of the model. While training, it holds the checkpoint.
        recipe: a recipe's name, the path of its TOML file, a `Recipe`, or "auto": select one by cross-validation on
            the training images, as `run` does; its log is in a folder beside `folder` that ends in `-selection`.
        data: everything; its training part is learned from.
        backbone: instead of the recipe's own, as for `load_recipe`; with "auto", of all recipes that are tried.
        per_class: draw this many labelled images of each class, and train on these alone.
        seed: decides draw, initial weights, order and augmentation.
        overrides: recipe values, e.g. ("steps=600",); not with a `Recipe`.
        temperature: calibrate probabilities on held-out training images: by one temperature, or each class by itself
            where images have several labels.
        coverage: give conformal prediction sets at this coverage.
        reject: reject images unlike the training images, and about this share of the others.
        thresholds: fit a threshold for each class on held-out training images, of images with several labels.
        missed: one threshold instead, with which about this share of an image's labels is missed.
        seconds: wall time to select a recipe in, with "auto" only; default: three minutes.
        resume: continue a stopped training from the checkpoint in `folder`.
        overwrite: replace the model in `folder`.
        strict: refuse doubtful data.
        track: also write the loss to a tracker, "tensorboard" or "mlflow".
        track_to: folder of the tracker's files.
        source: name of the data, for the tracker.
        device: "auto", "cpu", "cuda", "mps".
        progress: show a bar while recipes are compared.
        on_message: called with sentences on what is about to be compared, and how long training takes.

    Raises:
        ProtocolError, RecipeError, OutputError, DataError: before anything is trained.
        TrainingError: as `train`.

    Example:
        >>> from handful import fit_to, load_data
        >>> result = fit_to("model", "logistic-pixels", load_data("digits"), per_class=5, device="cpu")
        >>> result.classifier.card["train_images"]
        50
    """
    folder = Path(folder)
    auto = recipe == AUTO
    if auto and data.kind == "multilabel":
        recipe, auto = MULTILABEL, False
        on_message(f"Images with several labels: no recipe is selected, and {MULTILABEL} is trained.")
    if auto and data.kind == "number":
        recipe, auto = NUMBER, False
        on_message(f"Images with numbers: no recipe is selected, and {NUMBER} is trained.")
    if auto and data.kind == "bag":
        recipe, auto = BAG, False
        on_message(f"Bags of images: no recipe is selected, and {BAG} is trained.")
    _refuse_selection(auto=auto, seconds=seconds)
    calibrated = partial(
        with_calibration,
        kind=data.kind,
        temperature=temperature,
        coverage=coverage,
        reject=reject,
        thresholds=thresholds,
        missed=missed,
    )
    plan = calibrated(_load(FEW if auto else recipe, backbone, overrides))
    select_device(device)
    first = rank_and_world_size()[0] == 0
    with lock_output(folder) if first else nullcontext():
        refuse_existing_model(folder, overwrite=overwrite)
        refuse_unfinished(folder, resume=resume, overwrite=overwrite)
        _check_data(data, per_class=per_class, strict=strict)
        part = training_split(data) if per_class is None else draw(data, per_class, seed)[0]
        selection = None
        check_kind(plan, part)
        if auto:
            selection = select(
                choose_candidates(part, overrides=overrides, backbones=() if backbone is None else (backbone,)),
                part,
                Budget(SECONDS if seconds is None else seconds),
                log=folder.with_name(f"{folder.name}-selection") / LOG,
                seed=seed,
                device=device,
                progress=progress,
                on_message=on_message,
            )
            plan = calibrated(selection.candidate.recipe)
        if first and not len(part.unlabelled()):
            warn_without_unlabelled([plan], part)
        if first and learns_from_unlabelled(plan, part):
            warn_of_foreign_images(part, part.unlabelled(), device=select_device(device))
        settings = {"recipe": plan.name, "data": source, "seed": seed, "images": len(part)}
        tracking = Tracking(track, track_to, plan.name, settings) if track is not None and first else None
        with tracking or nullcontext():
            log = TimeNotice(plan, part, on_message, then=None if tracking is None else tracking.log)
            classifier = train(plan, part, seed=seed, device=device, folder=folder, resume=resume, log=log)
        if first:
            if selection is not None:
                classifier = with_temperature(classifier, selection)
            selected = {} if selection is None else {"auto": selection.card}
            classifier = replace(classifier, card={**classifier.card, **selected, "data": data_facts(part)})
            save_classifier(classifier, folder, overwrite=overwrite)
    return FitResult(classifier, plan, selection)


def _refuse_selection(*, auto: bool, seconds: float | None) -> None:
    if seconds is not None and not auto:
        raise ProtocolError(
            "there is no recipe to select",
            where=by_interface(command="--budget", python="seconds"),
            remedy=f"pass {option('recipe', 'auto')}.",
        )
    if auto and rank_and_world_size()[1] > 1:
        raise ProtocolError(
            "the selection of a recipe is not distributed",
            where=option("recipe", "auto"),
            remedy="launch one process, or name a recipe.",
        )


def _load(recipe: str | Path | Recipe, backbone: str | None, overrides: Sequence[str]) -> Recipe:
    if not isinstance(recipe, Recipe):
        return load_recipe(recipe, backbone=backbone, overrides=overrides)
    if overrides:
        raise RecipeError(
            "overrides belong to a recipe's name or file, and this is a Recipe",
            where=recipe.name,
            remedy="load it by its name, with the overrides.",
        )
    return recipe if backbone is None else with_backbone(recipe, backbone)


def _check_data(data: Dataset, *, per_class: int | None, strict: bool) -> None:
    """`check`, and what a quick inspection finds (of one label per image), as warnings; each image is read once."""
    looked_at = len(data) <= MOST and data.kind == "multiclass"
    statistics = StatisticsCollector() if looked_at else None
    check(data, per_class=per_class, strict=strict, each=None if statistics is None else statistics.add)
    for line in () if statistics is None else quick_warnings(data, statistics.result()):
        warnings.warn(line, HandfulWarning, stacklevel=3)
