"""The end of an automatic run: save the model, predict what has no label, find out what would help, and report."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from handful.automl.advice import more_images, more_time, unlabelled_images, weakest_class
from handful.automl.budget import Budget
from handful.automl.candidates import DESCRIPTIONS, describe
from handful.automl.related import TiedData
from handful.automl.report import write_report
from handful.automl.result import PAGE, TABLE, Advice, ClassScore, RunResult, Tried
from handful.automl.score import class_scores, without_optimism
from handful.automl.select import Selection
from handful.automl.select_and_train import Outcome, Settings
from handful.core.progress import Progress
from handful.deployment.predict_table import predict_table
from handful.evaluation.score_table import pooled_accuracy
from handful.models.classifier import Classifier
from handful.recipes.backbones import short_name
from handful.recipes.load import load_recipe
from handful.recipes.with_backbone import split_name
from handful.reports.card_scores import card_scores
from handful.saving.classifier import save_classifier
from handful.saving.model_card import CARD, data_facts
from handful.saving.model_folder import MODEL


def finish(
    outcome: Outcome, tied: TiedData, doubts: tuple[str, ...], folder: Path, budget: Budget, settings: Settings
) -> RunResult:
    """Save the model and its card, predict what has no label, find out what would help, and write the report."""
    selection, data = outcome.selection, tied.data
    classifier = _with_scores(outcome)
    save_classifier(classifier, folder / MODEL, overwrite=True)
    shutil.copyfile(folder / MODEL / CARD, folder / CARD)
    unlabelled = data.select([i for i, s in enumerate(data.samples) if s.label is None])
    predicted: Mapping[str, int] = {}
    if len(unlabelled):
        with Progress(len(unlabelled), "predicting", shown=settings.progress, loss=False) as bar:
            predicted = predict_table(
                classifier,
                unlabelled,
                folder / TABLE,
                overwrite=True,
                advance=lambda n: bar.advance(np.nan, n),
            )
    classes = class_scores(outcome.result, outcome.learned)
    result = RunResult(
        folder=folder,
        images=int(outcome.learned.counts.sum()),
        unlabelled=len(unlabelled),
        masks=sum(s.mask is not None for s in outcome.learned.samples),
        doubts=doubts,
        recipe=selection.candidate.recipe.name,
        description=describe(selection.candidate.recipe),
        score=outcome.score,
        classes=classes,
        tried=_tried(selection),
        not_tried=selection.not_tried,
        advice=_advice(outcome, classes, settings),
        predicted=predicted,
        seconds=round(budget.spent, 1),
        result=outcome.result,
    )
    write_report(result, folder / PAGE, data=data, overwrite=True)
    return result


def _with_scores(outcome: Outcome) -> Classifier:
    """The classifier, its card completed by the data and the scores."""
    entries: dict[str, Any] = {} if outcome.result is None else card_scores(outcome.result)
    if outcome.score.scored_by == "cross-validation":
        entries = without_optimism(entries, outcome.selection.score, len(outcome.selection.results))
    card = {**outcome.classifier.card, "data": data_facts(outcome.learned), **entries}
    return replace(outcome.classifier, card=card)


def _tried(selection: Selection) -> tuple[Tried, ...]:
    rows = []
    for candidate, result in zip(selection.tried, selection.results, strict=True):
        recipe, selected = candidate.recipe, candidate is selection.candidate
        seconds = float(np.mean([run.seconds for run in result.runs]))
        rows.append(Tried(recipe.name, describe(recipe), pooled_accuracy(result.runs), seconds, selected))
    return tuple(rows)


def _advice(outcome: Outcome, classes: Sequence[ClassScore], settings: Settings) -> tuple[Advice, ...]:
    """What would help: measured gains first, the largest of them first."""
    selection, found = outcome.selection, []
    result = selection.result
    if result is not None and not selection.candidate.trained:
        found.append(more_images(result, outcome.learned, device=settings.device))
        names = {split_name(c.recipe.name)[0] for c in selection.tried}
        if not selection.candidate.unlabelled and "logistic" in names and "pseudo-labels" not in names:
            _, short = split_name(selection.candidate.recipe.name)
            backbone = next((b for b in settings.requested.backbones if short_name(b) == short), None)
            spread = load_recipe("pseudo-labels", backbone=backbone)
            found.append(unlabelled_images(spread, outcome.learned, result, device=settings.device))
    measured = sorted((a for a in found if a is not None), key=lambda a: -a.gain)
    others = (weakest_class(classes), more_time(selection.not_tried, DESCRIPTIONS))
    return (*measured, *(a for a in others if a is not None))
