"""The end of an automatic run: the model, the answer and the report, and then what the time that is left allows."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from handful.automl.budget import Budget
from handful.automl.candidates import describe
from handful.automl.extras import add_extras, cheap_advice
from handful.automl.related import TiedData
from handful.automl.report import write_report
from handful.automl.result import PAGE, LevelScore, RunResult, Tried, as_values
from handful.automl.run_files import write_model, write_values
from handful.automl.score import class_scores, level_scores, without_optimism
from handful.automl.select import Selection
from handful.automl.select_and_train import Outcome, Settings
from handful.core.dataset import Dataset
from handful.evaluation.normal_class import NormalClassRates, normal_class_rates
from handful.evaluation.score_table import pooled_accuracy
from handful.models.classifier import Classifier
from handful.reports.card_scores import card_scores
from handful.saving.model_card import data_facts


def finish(
    outcome: Outcome, tied: TiedData, doubts: tuple[str, ...], folder: Path, budget: Budget, settings: Settings
) -> RunResult:
    """Save the model, its card and the report, and pass on the answer; then what the time that is left allows."""
    selection, data = outcome.selection, tied.data
    classes = class_scores(outcome.result, outcome.learned)
    levels = level_scores(outcome.result, outcome.score, selection, data)
    with settings.stages.stage("writing the report"):
        rates = normal_class_rates(outcome.result, requested=settings.normal_class, groups=data.groups)
        classifier = _with_scores(outcome, levels, rates)
        write_model(classifier, folder)
        result = RunResult(
            folder=folder,
            images=int(outcome.learned.counts.sum()),
            unlabelled=sum(s.label is None for s in data.samples),
            masks=sum(s.mask is not None for s in outcome.learned.samples),
            doubts=doubts,
            recipe=selection.candidate.recipe.name,
            description=describe(selection.candidate.recipe),
            score=outcome.score,
            classes=classes,
            tried=_tried(selection),
            not_tried=selection.not_tried,
            advice=cheap_advice(classes, selection.not_tried),
            predicted={},
            seconds=round(budget.spent, 1),
            budget=budget.seconds,
            temperature=classifier.card.get("calibration", {}).get("temperature"),
            data=settings.name,
            date=date.today().isoformat(),
            levels=levels,
            normal_class=rates,
            result=outcome.result,
        )
        _write(result, data)
    settings.on_answer(result)
    result = add_extras(result, outcome, classifier, tied, budget, settings)
    _write(result, data)
    return result


def _write(result: RunResult, data: Dataset) -> None:
    """Write the report and the values."""
    write_report(result, result.folder / PAGE, data=data, overwrite=True)
    write_values(as_values(result), result.folder)


def _with_scores(outcome: Outcome, levels: Sequence[LevelScore], rates: NormalClassRates | None) -> Classifier:
    """The classifier, its card completed by the data and the scores."""
    entries: dict[str, Any] = {} if outcome.result is None else card_scores(outcome.result)
    if outcome.score.scored_by == "cross-validation":
        entries = without_optimism(entries, outcome.selection.score, len(outcome.selection.results), levels)
    if rates is not None:
        entries["normal_class"] = asdict(rates)
    card = {**outcome.classifier.card, "data": data_facts(outcome.learned), **entries}
    return replace(outcome.classifier, card=card)


def _tried(selection: Selection) -> tuple[Tried, ...]:
    rows = []
    for candidate, result in zip(selection.tried, selection.results, strict=True):
        recipe, selected = candidate.recipe, candidate is selection.candidate
        seconds = float(np.mean([run.seconds for run in result.runs]))
        rows.append(Tried(recipe.name, describe(recipe), pooled_accuracy(result.runs), seconds, selected))
    return tuple(rows)
