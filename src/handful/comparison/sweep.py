"""A sweep as one task: train and score, compare with the first recipe, write the report."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.evaluation.calibration import summarise_calibration
from handful.evaluation.evaluate import Protocol, splits_of, sweep
from handful.evaluation.executor import MakePool
from handful.evaluation.results_log import ResultsLog
from handful.evaluation.retrain import train_again
from handful.evaluation.statistics import PairedDifference, headline_metric, paired_difference, summarise
from handful.models.classifier import Classifier
from handful.recipes.write import fingerprint
from handful.reports import gallery
from handful.reports.evaluation_report import write_report
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
    pool: MakePool | None = None,
    keep: bool = False,
    progress: bool = True,
) -> tuple[list[Result], Path]:
    """Sweep into `folder`: `results.jsonl`, predictions, `report.html` and its model. Results and the report's path.

    Args:
        folder: made where it is not there.
        recipes: compared on identical draws; the first one is what the others are compared with.
        data: everything, with its own test part or without.
        per_class: images per class.
        protocol: draws and what is scored.
        jobs: training runs at a time.
        device: as for `train`.
        pool: who runs the jobs; None: this machine.
        keep: take runs over that are in the folder already; else they are thrown away first.
        progress: show a bar over the runs.

    Raises:
        ProtocolError, DataError, RecipeError: before anything is trained or thrown away.
    """
    for m in per_class:
        splits_of(data, replace(protocol, per_class=m))
    log = folder / LOG
    if not keep and log.exists():
        shutil.rmtree(ResultsLog(log).predictions, ignore_errors=True)
        log.unlink()
    how: dict[str, Any] = {"jobs": jobs, "device": device, "pool": pool, "log": log, "progress": progress}
    results = sweep(recipes, data, per_class=per_class, protocol=protocol, **how)
    shown = _shown(results, data, folder / gallery.SHOWN, device=device, progress=progress)
    return results, write_report(results, folder / REPORT, data=data, classifier=shown, overwrite=True)


def _shown(results: Sequence[Result], data: Dataset, folder: Path, *, device: str, progress: bool) -> Classifier:
    """One of the runs with most images trained again, to show what it sees: the best recipe that segments, if any."""
    most = max(r.runs[0].per_class or 0 for r in results)
    last = [r for r in results if (r.runs[0].per_class or 0) == most]
    segmenting = [r for r in last if gallery.segments(r.recipe)]
    best = max(segmenting or last, key=lambda r: summarise(r, headline_metric(r))[0].mean)
    return train_again(best.recipe, best.runs[0], data, folder, device=device, progress=progress)


def differences_to_first(results: Sequence[Result]) -> list[PairedDifference]:
    """Each other recipe against the first one, at each number of images per class."""
    first = results[0].recipe
    rows = []
    base: dict[int | None, Result] = {}
    for result in results:
        m = result.runs[0].per_class
        if result.recipe is first:
            base[m] = result
        else:
            rows.append(paired_difference(result, base[m], headline_metric(results)))
    return rows


def as_text(results: Sequence[Result], *, width: int, calibration: bool = False) -> str:
    """Scores and paired differences as tables; with `calibration`, how far probabilities keep what they say."""
    rows = differences_to_first(results)
    tables = [format_table(summarise(results, headline_metric(results)), width=width)]
    tables += [format_comparisons(rows, width=width)] if rows else []
    tables += [format_measures(summarise_calibration(results), width=width)] if calibration else []
    return "\n\n".join(tables)


def as_values(results: Sequence[Result], *, calibration: bool = False) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "recipes": {r.recipe.name: fingerprint(r.recipe) for r in results},
        "headline": headline_metric(results),
        "scores": [asdict(row) for row in summarise(results, headline_metric(results))],
        "comparisons": [asdict(row) for row in differences_to_first(results)],
        **({"calibration": [asdict(row) for row in summarise_calibration(results)]} if calibration else {}),
    }
