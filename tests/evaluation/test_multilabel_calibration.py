"""Calibration measures of several labels per image."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from handful.core.result import Result, Run
from handful.evaluation.multilabel_calibration import (
    brier_score,
    class_calibration_error,
    log_loss,
    summarise_measures,
    summarise_multilabel_calibration,
)
from handful.recipes.load import load_recipe


def entries(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of two classes, and entries that are drawn from them."""
    rng = np.random.default_rng(seed)
    probabilities = rng.random((n, 2))
    return (rng.random((n, 2)) < probabilities).astype(float), probabilities


def result_of(*runs: tuple[np.ndarray, np.ndarray]) -> Result:
    made = []
    for draw, (targets, probabilities) in enumerate(runs):
        ids = tuple(f"{i}.png" for i in range(len(targets)))
        run = Run(draw, None, draw, ("t",), ids, np.full(len(targets), -1), probabilities.astype(np.float32), 1.0)
        made.append(replace(run, targets=targets.astype(np.float32), thresholds=np.array([0.5, 0.5])))
    return Result(load_recipe("logistic-pixels"), ("cat", "dog"), tuple(made))


def test_brier_score_and_log_loss_are_those_of_scikit_learn_over_known_entries() -> None:
    targets, probabilities = entries(50)
    targets[::3, 0] = np.nan
    known = ~np.isnan(targets)
    assert brier_score(targets, probabilities) == pytest.approx(brier_score_loss(targets[known], probabilities[known]))
    assert log_loss(targets, probabilities) == pytest.approx(sklearn_log_loss(targets[known], probabilities[known]))


def test_the_calibration_error_is_the_gap_of_each_class() -> None:
    targets = np.array([[1, 0], [1, 0], [0, 0], [0, np.nan]])
    probabilities = np.array([[0.7, 0.0], [0.7, 0.0], [0.7, 0.0], [0.1, 0.9]])
    gap = (3 * 0.7 - 2 + 0.1) / 4
    assert class_calibration_error(targets, probabilities) == pytest.approx(gap / 2)


def test_calibrated_probabilities_are_off_by_what_chance_alone_gives() -> None:
    row = summarise_multilabel_calibration(result_of(entries(400), entries(400, seed=1)))[0]
    assert row.mean == pytest.approx(row.target, rel=0.4)
    targets, probabilities = entries(400)
    off = summarise_multilabel_calibration(result_of((targets, probabilities**4)))[0]
    assert off.mean > 3 * off.target


def test_measures_follow_the_kind_of_the_runs() -> None:
    names = [row.measure for row in summarise_measures(result_of(entries(20)))]
    assert names == ["calibration error, mean over classes", "Brier score of entries", "log loss of entries"]
