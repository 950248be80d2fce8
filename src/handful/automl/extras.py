"""What an automatic run does after its answer, each only where the time that is left allows it.

Images without a label are predicted; then what would help is measured.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from handful.automl.advice import Halved, more_images, more_time, unlabelled_images, weakest_class
from handful.automl.budget import Budget
from handful.automl.candidate_runner import NotTried
from handful.automl.candidates import PROMISING, describe_name
from handful.automl.doubtful_labels import describe_doubtful, doubtful_labels, judging_seconds
from handful.automl.related import TiedData
from handful.automl.result import Advice, ClassScore, DoubtfulLabel, RunResult
from handful.automl.run_files import write_predictions
from handful.automl.select_and_train import Outcome, Settings
from handful.core.dataset import Dataset
from handful.inspection.measurements import Measurements
from handful.models.classifier import Classifier
from handful.recipes.backbone_names import short_name, split_name
from handful.recipes.load import load_recipe

SPREAD = "pseudo-labels"


@dataclass(frozen=True)
class Extra:
    """Something that a run does after its answer.

    Attributes:
        what: in words, in the form "predicting 20 images".
        seconds: that it takes.
        measure: does it; returns what would help, or None.
    """

    what: str
    seconds: float
    measure: Callable[[], Advice | None]


def add_extras(
    result: RunResult, outcome: Outcome, classifier: Classifier, tied: TiedData, budget: Budget, settings: Settings
) -> RunResult:
    """The result, completed by what the time that is left allows; what it does not is named."""
    predicted: dict[str, int] = {}
    doubtful: list[DoubtfulLabel] = []
    sentences: list[str] = []
    extras = [
        *_prediction(result, outcome, classifier, tied.data, predicted, settings),
        *_label_check(tied.measurements, doubtful, sentences, settings),
        *_measurements(outcome, budget, settings),
    ]
    if not extras:
        return replace(result, seconds=round(budget.spent, 1))
    measured, skipped = [], []
    possible = any(budget.allows(extra.seconds) for extra in extras)
    with settings.stages.stage("what would help, in the time that is left") if possible else nullcontext():
        for extra in extras:
            text = f"{extra.what} (about {max(1, round(extra.seconds))} s)"
            if not budget.allows(extra.seconds):
                skipped.append(text)
                continue
            settings.stages.describe(text)
            measured.append(extra.measure())
    found = [a for a in measured if a is not None]
    gains = sorted((a for a in found if a.helps), key=lambda a: -a.gain)
    useless = [a for a in found if not a.helps]
    return replace(
        result,
        advice=(*gains, *result.advice, *useless),
        predicted=predicted,
        doubtful_labels=tuple(doubtful),
        labels_to_check="".join(sentences),
        skipped=tuple(skipped),
        seconds=round(budget.spent, 1),
    )


def cheap_advice(classes: Sequence[ClassScore], not_tried: Sequence[NotTried]) -> tuple[Advice, ...]:
    """What would help, as far as it is known without a further training."""
    all_right = bool(classes) and all(row.recall == 1 for row in classes)
    found = (weakest_class(classes), None if all_right else more_time(not_tried, describe_name))
    return tuple(advice for advice in found if advice is not None)


def _prediction(
    result: RunResult,
    outcome: Outcome,
    classifier: Classifier,
    data: Dataset,
    predicted: dict[str, int],
    settings: Settings,
) -> list[Extra]:
    """Prediction of the images without a label, at the pace at which the model was trained."""
    unlabelled = data.select([i for i, s in enumerate(data.samples) if s.label is None])
    if not len(unlabelled):
        return []

    def predict() -> None:
        predicted.update(write_predictions(classifier, unlabelled, result.folder, progress=settings.progress))

    seconds = classifier.card["seconds"] * len(unlabelled) / max(1, len(outcome.learned))
    return [Extra(f"predicting {len(unlabelled)} images without a label", seconds, predict)]


def _label_check(
    measurements: Measurements, doubtful: list[DoubtfulLabel], sentences: list[str], settings: Settings
) -> list[Extra]:
    """A look for wrong labels, where the images have features."""
    seconds = judging_seconds(measurements)

    def check() -> None:
        message, labels = doubtful_labels(measurements)
        doubtful.extend(labels)
        sentences.append(describe_doubtful(message, labels, settings.inspection))

    return [Extra("looking for wrong labels", seconds, check)] if seconds else []


def _measurements(outcome: Outcome, budget: Budget, settings: Settings) -> list[Extra]:
    """Measurements of what would help, at the pace of the runs that they repeat."""
    selection, result = outcome.selection, outcome.selection.result
    if result is None or selection.candidate.trained:
        return []
    halved = Halved(result, outcome.learned, device=settings.device, budget=budget)
    extras = [Extra("what twice as many images would bring", halved.seconds, lambda: more_images(halved))]
    names = {split_name(c.recipe.name)[0] for c in selection.tried}
    if not selection.candidate.unlabelled and PROMISING in names and SPREAD not in names:
        _, short = split_name(selection.candidate.recipe.name)
        backbone = next((b for b in settings.requested.backbones if short_name(b) == short), None)
        spread = load_recipe(SPREAD, backbone=backbone)
        extras.append(
            Extra(
                "what images without a label would bring",
                halved.seconds,
                lambda: unlabelled_images(spread, halved),
            )
        )
    return extras
