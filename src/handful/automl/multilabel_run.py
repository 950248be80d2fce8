"""Automatic run on images with several labels: cheap recipes are cross-validated, the best is trained and scored.

Recipes are selected by mean AP. The thresholds are cross-fitted from the held-out predictions: those of a fold are
chosen on the other folds, so that F1, recall and precision are honest too.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from handful.automl.budget import SECONDS, Budget
from handful.automl.candidates import describe, load_requested
from handful.automl.cross_validation import score_recipes
from handful.automl.multilabel_result import MultilabelRunResult, as_values, expected, method
from handful.automl.multilabel_thresholds import at_cross_fitted_thresholds, with_thresholds
from handful.automl.result import OURS, PAGE
from handful.automl.run_files import write_model, write_predictions, write_values
from handful.comparison.candidate_rules import SMALL, traits_of
from handful.core.dataset import Dataset
from handful.core.files import lock_output, refuse_foreign
from handful.core.recipe import Recipe
from handful.core.result import Result, Run
from handful.data.check import check
from handful.data.splits import training_split
from handful.evaluation.multilabel import class_scores, summarise_multilabel
from handful.evaluation.multilabel_selection import mean_ap_optimism
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.recipes.kinds import check_kind
from handful.recipes.load import load_recipe
from handful.reports.card_scores import card_scores
from handful.reports.evaluation_report import write_report
from handful.saving.model_card import data_facts
from handful.training.train import train

CHEAP = ("logistic", "nearest-centroid", "ridge", "knn", "logistic-pixels")
Say = Callable[[str], None]


def run_multilabel(
    data: Dataset,
    folder: str | Path,
    *,
    recipes: Sequence[str | Path | Recipe] = (),
    backbone: Sequence[str] = (),
    seconds: float = SECONDS,
    seed: int = 0,
    device: str = "auto",
    overwrite: bool = False,
    progress: bool = True,
    on_message: Say = lambda _: None,
    started: float | None = None,
    name: str = "",
) -> MultilabelRunResult:
    """From images with several labels to a model, an honest score and a report: what `handful run` does with them.

    Args:
        data: multilabel data; a test part, if there is one, is scored by the saved model.
        folder: gets the model in `model/`, `report.html`, `CARD.md`, `run.json` and, where images have no label,
            `predictions.csv`.
        recipes: to select from; empty: those that are fitted in seconds.
        backbone: instead of the recipes' own, as for `load_recipe`: each recipe is tried on each of them.
        seconds: wall time, after which no recipe is begun; the first is always scored.
        seed: decides the folds, and seeds the training.
        device: as for `train`.
        overwrite: replace another run in `folder`.
        progress: show progress bars.
        on_message: called with sentences about what was found and what is going on.
        started: `time.monotonic()` where the time began before this call.
        name: of the data, for the top of the report.

    Raises:
        DataError, OutputError, RecipeError, WeightsError: before anything is trained.
    """
    budget, folder = Budget(seconds, started=started), Path(folder)
    refuse_foreign(folder, ours=OURS)
    chosen = select_device(device)
    check(data)
    candidates = _candidates(data, recipes, backbone)
    on_message(_found(data))
    with lock_output(folder):
        scored = score_recipes(
            data,
            folder,
            candidates,
            seed=seed,
            device=chosen,
            overwrite=overwrite,
            progress=progress,
            budget=budget,
            say=on_message,
        )
        tied, pool, results = scored.tied, scored.pool, scored.results
        best = max(results, key=lambda r: summarise_multilabel(r).mean)
        on_message(f"Training {describe(best.recipe)} on all images.")
        classifier = train(best.recipe, pool.labelled(), seed=seed, device=chosen, progress=progress)
        classifier = with_thresholds(classifier, best)
        test = tied.data.split("test").labelled()
        held_out = _on_test(classifier, pool, test, seed) if len(test) else _at_thresholds(best)
        optimism = 0.0 if len(test) else mean_ap_optimism(results, groups=tied.data.groups)
        unlabelled = tied.data.unlabelled()
        result = MultilabelRunResult(
            folder=folder,
            images=len(pool.labelled()),
            unlabelled=len(unlabelled),
            doubts=tied.notes,
            recipe=best.recipe.name,
            description=describe(best.recipe),
            scored_by="test images" if len(test) else "cross-validation",
            mean_ap=summarise_multilabel(held_out),
            macro_f1=summarise_multilabel(held_out, "macro_f1"),
            optimism=optimism,
            classes=tuple(class_scores(held_out)),
            thresholds=classifier.card["calibration"]["thresholds"],
            tried={r.recipe.name: summarise_multilabel(r).mean for r in results},
            not_tried=scored.left,
            predicted={},
            seconds=round(budget.spent, 1),
            budget=seconds,
            result=held_out,
        )
        return _finish(result, results, classifier, tied.data, unlabelled, name, budget, progress=progress)


def _candidates(data: Dataset, recipes: Sequence[str | Path | Recipe], backbones: Sequence[str]) -> list[Recipe]:
    """The recipes that are tried, cheapest and likely best first; one that does not fit is refused by name."""
    if recipes or backbones:
        names = list(recipes) or [name for name in CHEAP if name != "logistic-pixels"]
        chosen = list(load_requested([n for n in names if n != "auto"] or list(CHEAP[:4]), backbones).recipes)
    else:
        traits = traits_of(data)
        small = traits.side <= SMALL and traits.one_size
        chosen = [load_recipe(name) for name in CHEAP if small or name != "logistic-pixels"]
    for recipe in chosen:
        check_kind(recipe, data)
    return chosen


def _at_thresholds(result: Result) -> Result:
    """The held-out predictions at thresholds that were chosen without them; a recipe may choose its own."""
    own = any(part.name == "thresholds" for part in result.recipe.posthoc)
    return result if own else at_cross_fitted_thresholds(result)


def _on_test(classifier: Classifier, pool: Dataset, test: Dataset, seed: int) -> Result:
    """The saved model's predictions of the test part."""
    run = Run(
        draw=seed,
        fold=None,
        seed=seed,
        train_ids=pool.labelled().ids,
        ids=test.ids,
        labels=np.full(len(test), -1),
        probabilities=np.asarray(classifier.probabilities(test.without_labels()), np.float32),
        seconds=classifier.card["seconds"],
        counts=pool.counts,
        targets=test.targets(),
        thresholds=classifier.thresholds,
    )
    return Result(classifier.recipe, test.classes, (run,))


def _finish(
    result: MultilabelRunResult,
    results: Sequence[Result],
    classifier: Classifier,
    data: Dataset,
    unlabelled: Dataset,
    name: str,
    budget: Budget,
    *,
    progress: bool,
) -> MultilabelRunResult:
    """Save the model, its card and the report, and predict what has no label."""
    card = {**classifier.card, "data": data_facts(data), **_card_entries(result)}
    write_model(replace(classifier, card=card), result.folder)
    others = [r for r in results if r.recipe.name != result.recipe] if result.scored_by == "cross-validation" else []
    write_report(
        [result.result, *others],
        result.folder / PAGE,
        data=data,
        title=f"{name}: how good is it?" if name else "How good is it?",
        answer=expected(result),
        note=method(result),
        overwrite=True,
    )
    predicted = write_predictions(classifier, unlabelled, result.folder, progress=progress)
    result = replace(result, predicted=predicted, seconds=round(budget.spent, 1))
    write_values(as_values(result), result.folder)
    return result


def _card_entries(result: MultilabelRunResult) -> dict[str, Any]:
    """Scores for the card, the mean AP corrected for the selection."""
    entries = card_scores(result.result)
    rows = entries["scores"]["rows"]
    row = next(row for row in rows if row["metric"] == "mean AP")
    row.update(
        mean=result.mean_ap.mean - result.optimism,
        low=result.mean_ap.image_low - result.optimism,
        high=result.mean_ap.image_high - result.optimism,
    )
    if len(result.tried) > 1 and result.scored_by == "cross-validation":
        entries["scores"]["design"] += (
            f"; mean AP with the interval of a bootstrap over images, corrected for the selection of the best of "
            f"{len(result.tried)} recipes"
        )
    return {**entries, "selection": {"tried": dict(result.tried), "not_tried": list(result.not_tried)}}


def _found(data: Dataset) -> str:
    """What was read, in a sentence."""
    pool = training_split(data)
    counts = pool.counts
    spread = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    text = f"Found {len(pool.labelled())} labelled images of {len(data.classes)} classes, each shown by {spread}"
    parts = (
        (len(data.unlabelled()), "without a label"),
        (len(data.split("test").labelled()), "to test on"),
    )
    further = [f"{n} {what}" for n, what in parts if n]
    return text + (f"; {', '.join(further)}." if further else ".")
