"""The cross-validation of a selection as the table that scikit-learn's `GridSearchCV` keeps in `cv_results_`."""

from typing import Any

import numpy as np

from handful.automl.candidates import describe
from handful.automl.select import Selection
from handful.evaluation.metrics import Metric, recalls
from handful.evaluation.score_table import joined, pooled_accuracy


def cv_results(selection: Selection) -> dict[str, Any]:
    """A column for each quantity, with a row for each recipe that was tried; empty if no image could be held out.

    `split<i>_test_score` and `mean_test_score` are accuracies on the images that each fold left out; the mean counts
    every image alike. `rank_test_score` is by what selected: accuracy, or `mean_test_balanced_accuracy` where classes
    differ much in their number of images.
    """
    if not selection.results:
        return {}
    table: dict[str, Any] = {
        "params": [{"recipe": candidate.recipe.name} for candidate in selection.tried],
        "param_recipe": np.array([candidate.recipe.name for candidate in selection.tried], dtype=object),
        "description": np.array([describe(candidate.recipe) for candidate in selection.tried], dtype=object),
    }
    splits = [[float(np.mean(run.predictions == run.labels)) for run in r.runs] for r in selection.results]
    for i in range(max(map(len, splits))):
        table[f"split{i}_test_score"] = np.array([row[i] if i < len(row) else np.nan for row in splits])
    table["mean_test_score"] = np.array([pooled_accuracy(result.runs) for result in selection.results])
    table["std_test_score"] = np.array([float(np.std(row)) for row in splits])
    balanced = [float(np.nanmean(recalls(*joined(result.runs), len(result.classes)))) for result in selection.results]
    table["mean_test_balanced_accuracy"] = np.array(balanced)
    table["rank_test_score"] = _ranks(table, selection.metric)
    table["mean_fit_time"] = np.array(
        [float(np.mean([r.seconds for r in result.runs])) for result in selection.results]
    )
    return table


def _ranks(table: dict[str, Any], metric: Metric) -> np.ndarray:
    """Ranks from 1 by what selected; the first of equals is before the others, as selection takes it."""
    scores = table["mean_test_balanced_accuracy" if metric == "balanced_accuracy" else "mean_test_score"]
    ranks = np.empty(len(scores), np.int32)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks
