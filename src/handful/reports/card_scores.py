"""Scores, calibration and known failures for the card of a saved model, from the results of its evaluation."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from handful.core.recipe import Recipe
from handful.core.result import Result, Run
from handful.errors import ProtocolError
from handful.evaluation.confusion import largest_confusions
from handful.evaluation.levels import summarise_levels
from handful.evaluation.multilabel import class_scores
from handful.evaluation.multilabel_calibration import summarise_measures
from handful.evaluation.multilabel_metrics import is_multilabel
from handful.evaluation.statistics import METRIC_NAMES, class_recalls, metrics_of, summarise
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.recipes.write import fingerprint
from handful.reports.text_tables import format_measure, interval_notes
from handful.saving.classifier import load_classifier, write_card
from handful.saving.model_folder import model_folder

MOST = 3  # classes and confusions that are named


def update_card(
    folder: Path, *, results: Sequence[Result] = (), use: str | None = None, limits: str | None = None
) -> Classifier:
    """Add the scores of an evaluation, an intended use and known limits to a saved model's card.

    Args:
        folder: the saved model.
        results: results of `evaluate` or `sweep`; the one with the model's recipe and number of images is used.
        use: intended use.
        limits: known limits.

    Raises:
        ModelError: there is no such model.
        ProtocolError: no result, or more than one, is of its recipe, classes and number of images.
    """
    folder = model_folder(folder)
    classifier = load_classifier(folder)
    added: dict[str, Any] = {}
    if results:
        added |= card_scores(_matching(classifier, results))
    if use is not None:
        added["use"] = use
    if limits is not None:
        added["limits"] = limits
    classifier = replace(classifier, card={**classifier.card, **added})
    write_card(classifier, folder)
    return classifier


def card_scores(result: Result) -> dict[str, Any]:
    """Card entries as plain values: scores of each metric, calibration, the worst classes and confusions."""
    rows, several = [summarise(result, metric)[0] for metric in metrics_of(result)], is_multilabel(result)
    recalls = [] if several else sorted(class_recalls(result), key=lambda row: row.mean)[:MOST]
    values = [
        {
            "measure": r.measure,
            **{name: format_measure(r, getattr(r, name)) for name in ("mean", "low", "high", "worst")},
        }
        for r in summarise_measures(result)
    ]
    scores = {
        "draws": rows[0].draws,
        "n_train": rows[0].n_train,
        "n_test": rows[0].n_test,
        "folds": len({run.fold for run in result.runs} - {None}),
        "images": len({name for run in result.runs for name in run.ids}),
        "design": "; ".join(interval_notes(rows)),
        "recipe": fingerprint(result.recipe),
        "rows": [
            {"metric": METRIC_NAMES[r.metric], "mean": r.mean, "low": r.low, "high": r.high, "worst": r.worst}
            for r in rows
        ]
        + [
            {
                "metric": level_metric(r.level, r.classes),
                **{name: getattr(r, name) for name in ("mean", "low", "high", "worst")},
            }
            for r in summarise_levels(result)
        ],
    }
    confusions = [] if several else [row._asdict() for row in largest_confusions(result, MOST)]
    failures: dict[str, Any] = {"recall": [asdict(row) for row in recalls], "confusions": confusions}
    if several:
        failures["classes"] = [asdict(row) for row in class_scores(result)]
    plain: dict[str, Any] = json.loads(json.dumps({"scores": scores, "measured": values, "failures": failures}))
    return plain


def level_metric(level: int, groups: int) -> str:
    """The name of the accuracy of so many groups at a level of a class tree, as a card's row has it."""
    return f"accuracy of {groups} groups (level {level} of the class tree)"


def _matching(classifier: Classifier, results: Sequence[Result]) -> Result:
    wanted = _without_calibration(classifier.recipe)
    same_recipe = [r for r in results if _without_calibration(r.recipe) == wanted and r.classes == classifier.classes]
    n = int(classifier.counts.sum())
    exact = [r for r in same_recipe if all(_trained_on(run) == n for run in r.runs)]
    best = [r for r in exact if fingerprint(r.recipe) == fingerprint(classifier.recipe)] or exact
    if len(best) != 1:
        sizes = ", ".join(sorted({str(_trained_on(run)) for r in same_recipe for run in r.runs}))
        raise ProtocolError(
            f"{'several results' if best else 'no result'} of this model's recipe, classes and {n} training images",
            where=classifier.recipe.name,
            remedy="evaluate its recipe on the same data with as many images per class"
            + (f" (those of the recipe have {sizes})." if same_recipe else "."),
        )
    return best[0]


def _trained_on(run: Run) -> int:
    """Training images of a run; of several labels per image, how many labels they show, as a model counts them."""
    if run.targets is not None and run.counts is not None:
        return int(run.counts.sum())
    return len(run.train_ids)


def _without_calibration(recipe: Recipe) -> str:
    parts = tuple(part for part in recipe.posthoc if not registry.has_trait("posthoc", part, "calibrates"))
    return fingerprint(replace(recipe, posthoc=parts))
