"""Sweep recipes into a folder: evaluate them, compare each with the first one, write the report."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.data.kind_checks import refuse_numbers
from handful.evaluation.evaluate import Protocol, splits_of, sweep
from handful.evaluation.executor import ExecutorFactory
from handful.evaluation.levels import level_values, summarise_levels
from handful.evaluation.multilabel_calibration import summarise_measures
from handful.evaluation.paired_difference import PairedDifference, paired_difference
from handful.evaluation.recipe_checks import check_recipe
from handful.evaluation.results_log import ResultsLog
from handful.evaluation.retrain import train_again
from handful.evaluation.statistics import headline_metric, summarise
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.recipes.write import fingerprint
from handful.reports import gallery
from handful.reports.evaluation_report import write_report
from handful.reports.level_tables import format_levels
from handful.reports.text_tables import format_comparisons, format_measures, format_table

LOG = "results.jsonl"
REPORT = "report.html"


def sweep_to(
    folder: Path,
    recipes: Sequence[Recipe],
    data: Dataset,
    *,
    per_class: Sequence[int],
    protocol: Protocol,
    jobs: int = 1,
    device: str = "auto",
    executor: ExecutorFactory | None = None,
    resume: bool = False,
    progress: bool = True,
) -> tuple[list[Result], Path]:
    """Sweep into a folder: `results.jsonl`, the predictions, `report.html` and the model that it shows.

    Args:
        folder: created if it is missing.
        recipes: evaluated on identical draws; the others are compared with the first one.
        data: all images, with a test part of its own or without.
        per_class: images per class.
        protocol: draws and what is scored.
        jobs: training runs at a time.
        device: as for `train`.
        executor: makes the executor that runs the jobs; None: processes of this machine.
        resume: keep the runs that are in the folder; otherwise they are deleted first.
        progress: show a progress bar over the runs.

    Returns:
        The results, as `sweep` returns them, and the path of the report.

    Raises:
        ProtocolError, DataError, RecipeError: before anything is trained or deleted.
    """
    refuse_numbers(data, "a sweep")
    for recipe in recipes:
        check_recipe(recipe, data, protocol)
    for m in per_class:
        splits_of(data, replace(protocol, per_class=m))
    log = folder / LOG
    if not resume and log.exists():
        shutil.rmtree(ResultsLog(log).predictions, ignore_errors=True)
        log.unlink()
    results = sweep(
        recipes,
        data,
        per_class=per_class,
        protocol=protocol,
        jobs=jobs,
        device=device,
        executor=executor,
        log=log,
        progress=progress,
    )
    shown = _shown(results, data, folder / gallery.SHOWN, device=device, progress=progress)
    return results, write_report(results, folder / REPORT, data=data, classifier=shown, overwrite=True)


def _shown(results: Sequence[Result], data: Dataset, folder: Path, *, device: str, progress: bool) -> Classifier:
    """The model that the report shows: the best recipe at most images, one that segments if there is any."""
    most = max(r.runs[0].per_class or 0 for r in results)
    last = [r for r in results if (r.runs[0].per_class or 0) == most]
    segmenting = [r for r in last if registry.reads_masks(r.recipe)]
    best = max(segmenting or last, key=lambda r: summarise(r, headline_metric(r))[0].mean)
    return train_again(best.recipe, best.runs[0], data, folder, device=device, progress=progress)


def differences_to_first(results: Sequence[Result]) -> list[PairedDifference]:
    """Each other recipe against the first one, at each number of images per class."""
    first = results[0].recipe
    rows = []
    base: dict[int | None, Result] = {}
    for result in results:
        m = result.runs[0].per_class
        if result.recipe == first:
            base[m] = result
        else:
            rows.append(paired_difference(result, base[m], headline_metric(results)))
    return rows


def as_text(results: Sequence[Result], *, width: int, calibration: bool = False) -> str:
    """Scores and paired differences as tables; with `calibration`, the calibration measures too."""
    rows = differences_to_first(results)
    metric = headline_metric(results)
    tables = [format_table(summarise(results, metric), width=width)]
    groups = summarise_levels(results, metric)
    tables += [format_levels(groups, width=width)] if groups else []
    tables += [format_comparisons(rows, width=width)] if rows else []
    tables += [format_measures(summarise_measures(results), width=width)] if calibration else []
    return "\n\n".join(tables)


def as_values(results: Sequence[Result], *, calibration: bool = False) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "recipes": {r.recipe.name: fingerprint(r.recipe) for r in results},
        "headline": headline_metric(results),
        "scores": [asdict(row) for row in summarise(results, headline_metric(results))],
        **level_values(results, [headline_metric(results)]),
        "comparisons": [asdict(row) for row in differences_to_first(results)],
        **({"calibration": [asdict(row) for row in summarise_measures(results)]} if calibration else {}),
    }
