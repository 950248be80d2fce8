"""Automatic run on images with numbers: cheap recipes are cross-validated, the best is trained and scored.

Recipes are selected by their mean absolute error as a share of that of the training images' median, mean over the
quantities.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from handful.automl.budget import SECONDS, Budget
from handful.automl.candidates import describe, load_requested
from handful.automl.cross_validation import score_recipes
from handful.automl.number_result import NumberRunResult, as_values, expected, method
from handful.automl.result import OURS, PAGE
from handful.automl.run_files import write_model, write_predictions, write_values
from handful.core.dataset import Dataset
from handful.core.files import lock_output, refuse_foreign
from handful.core.recipe import Recipe
from handful.core.result import Result, Run
from handful.data.check import check
from handful.data.splits import training_split
from handful.evaluation.number_selection import error_optimism, relative_error
from handful.evaluation.numbers import summarise_numbers
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.recipes.kinds import check_kind
from handful.reports.number_report import write_number_report
from handful.saving.model_card import data_facts
from handful.training.train import train

CHEAP = ("ridge", "knn")


def run_numbers(
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
    on_message: Callable[[str], None] = lambda _: None,
    started: float | None = None,
    name: str = "",
) -> NumberRunResult:
    """From images with numbers to a model, an honest score and a report: what `handful run` does with them.

    Args:
        data: images with numbers; a test part, if there is one, is scored by the saved model.
        folder: as for `handful.run`.
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
    candidates = load_requested([n for n in recipes if n != "auto"] or list(CHEAP), backbone).recipes
    for recipe in candidates:
        check_kind(recipe, data)
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
        best = min(results, key=relative_error)
        on_message(f"Training {describe(best.recipe)} on all images.")
        model = train(best.recipe, pool.labelled(), seed=seed, device=chosen, progress=progress)
        test = tied.data.split("test").labelled()
        held_out = _on_test(model, pool, test, seed) if len(test) else best
        unlabelled = tied.data.unlabelled()
        result = NumberRunResult(
            folder=folder,
            images=len(pool.labelled()),
            unlabelled=len(unlabelled),
            doubts=tied.notes,
            recipe=best.recipe.name,
            description=describe(best.recipe),
            scored_by="test images" if len(test) else "cross-validation",
            scores=tuple(summarise_numbers(held_out)),
            optimism=0.0 if len(test) else error_optimism(results, groups=tied.data.groups),
            tried={r.recipe.name: relative_error(r) for r in results},
            not_tried=scored.left,
            predicted=len(unlabelled),
            seconds=round(budget.spent, 1),
            budget=seconds,
            result=held_out,
        )
        return _finish(result, model, tied.data, unlabelled, name, budget, progress=progress)


def _on_test(model: Classifier, pool: Dataset, test: Dataset, seed: int) -> Result:
    """The saved model's predictions of the test part, beside the training images' medians."""
    run = Run(
        draw=seed,
        fold=None,
        seed=seed,
        train_ids=pool.labelled().ids,
        ids=test.ids,
        labels=np.full(len(test), -1),
        probabilities=np.asarray(model.predict(test.without_labels()), np.float32),
        seconds=model.card["seconds"],
        numbers=test.targets(),
        medians=np.asarray(np.nanmedian(pool.labelled().targets(), axis=0), np.float32),
    )
    return Result(model.recipe, test.classes, (run,))


def _finish(
    result: NumberRunResult,
    model: Classifier,
    data: Dataset,
    unlabelled: Dataset,
    name: str,
    budget: Budget,
    *,
    progress: bool,
) -> NumberRunResult:
    """Save the model, its card and the report, and predict what has no number."""
    card = {**model.card, "data": data_facts(data), "expected": expected(result)}
    write_model(replace(model, card=card), result.folder)
    title = f"{name}: how far off is it?" if name else "How far off is it?"
    write_number_report(
        result.result,
        result.folder / PAGE,
        data=data,
        title=title,
        answer=expected(result),
        notes=(method(result), *result.doubts),
    )
    write_predictions(model, unlabelled, result.folder, progress=progress)
    result = replace(result, seconds=round(budget.spent, 1))
    write_values(as_values(result), result.folder)
    return result


def _found(data: Dataset) -> str:
    """What was read, in a sentence."""
    labelled = training_split(data).labelled()
    targets = labelled.targets()
    ranges = [
        f"{name} {np.nanmin(values):g} to {np.nanmax(values):g}"
        for name, values in zip(data.classes, targets.T, strict=True)
    ]
    parts = ((len(data.unlabelled()), "without a number"), (len(data.split("test").labelled()), "to test on"))
    further = [f"{n} {what}" for n, what in parts if n]
    text = f"Found {len(labelled)} images with {', '.join(ranges)}"
    return text + (f"; {', '.join(further)}." if further else ".")
