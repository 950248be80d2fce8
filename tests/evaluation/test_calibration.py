from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from handful.core.recipe import Part
from handful.core.result import Result, Run
from handful.evaluation.calibration import (
    bin_of,
    brier_scores,
    expected_calibration_error,
    log_losses,
    reliability_bins,
    summarise_calibration,
)
from handful.reports.text_tables import format_measures
from tests.support.results import random_result, result, run


def calibrated(n: int, seed: int, *, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn as probabilities say, which are then made sharper."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(3, p=row) for row in p])
    q = p**sharpness
    return labels, (q / q.sum(axis=1, keepdims=True)).astype(np.float32)


def results(draws: int = 4, n: int = 120, sharpness: float = 1.0) -> Result:
    runs = []
    for d in range(draws):
        labels, probabilities = calibrated(n, 0, sharpness=sharpness + 0.1 * d)
        ids = tuple(str(i) for i in range(n))
        runs.append(Run(d, None, d, (f"{d}",), ids, labels, probabilities, 1.0, 5))
    return result("made", *runs)


def test_calibration_error_of_a_loop_by_hand() -> None:
    labels, probabilities = calibrated(200, 1, sharpness=2)
    total = 0.0
    for b in range(15):
        own = [
            i
            for i in range(200)
            if b / 15 <= probabilities[i].max() < (b + 1) / 15 or (b == 14 and probabilities[i].max() == 1)
        ]
        if own:
            sure = np.mean([probabilities[i].max() for i in own])
            right = np.mean([probabilities[i].argmax() == labels[i] for i in own])
            total += len(own) / 200 * abs(sure - right)
    assert expected_calibration_error(labels, probabilities) == pytest.approx(total, abs=1e-6)


def test_certain_and_wrong_and_certain_and_right() -> None:
    sure = np.eye(3)[[0, 1, 2]]
    assert expected_calibration_error(np.array([0, 1, 2]), sure) == 0
    assert expected_calibration_error(np.array([1, 2, 0]), sure) == 1
    assert bin_of(np.array([0.0, 0.999, 1.0]), 10).tolist() == [0, 9, 9]


def test_brier_and_log_loss_are_scikit_learns() -> None:
    labels, probabilities = calibrated(60, 2)
    probabilities = probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert log_losses(labels, probabilities).mean() == pytest.approx(log_loss(labels, probabilities))
    wanted = sum(brier_score_loss(labels == c, probabilities[:, c]) for c in range(3))
    assert brier_scores(labels, probabilities).mean() == pytest.approx(wanted)
    assert log_losses(np.array([1]), np.array([[1.0, 0.0, 0.0]]))[0] == pytest.approx(-np.log(1e-7))


def test_intervals_hold_the_mean_and_shrink_with_more_images() -> None:
    few, many = summarise_calibration(results(n=60)), summarise_calibration(results(n=1000))
    for a, b in zip(few, many, strict=True):
        assert b.low <= b.mean <= b.high
        assert b.high - b.low < a.high - a.low


def test_the_bootstrap_of_the_calibration_error_is_that_of_a_loop() -> None:
    made = results(draws=3, n=50, sharpness=2)
    row = summarise_calibration(made, resamples=600)[0]
    rng, found = np.random.default_rng(9), []
    for _ in range(600):
        images, draws = rng.integers(0, 50, 50), rng.integers(0, 3, 3)
        runs = [made.runs[d] for d in draws]
        found.append(np.mean([expected_calibration_error(r.labels[images], r.probabilities[images]) for r in runs]))
    low, high = row.mean + np.percentile(found, [2.5, 97.5]) - np.mean(found)
    assert row.low == pytest.approx(low, abs=0.02)
    assert row.high == pytest.approx(high, abs=0.02)


def test_chance_alone_opens_gaps_and_the_fewer_images_the_wider() -> None:
    few, many = (summarise_calibration(results(draws=1, n=n))[0] for n in (40, 2000))
    assert few.target > 0.08 > 0.03 > many.target > 0
    assert many.mean == pytest.approx(many.target, abs=0.015)  # calibrated: nothing beyond chance
    sharp = summarise_calibration(results(draws=1, n=2000, sharpness=3))[0]
    assert sharp.low > 2 * sharp.target


def test_folds_of_a_draw_are_scored_together() -> None:
    whole = results(draws=1, n=60).runs[0]
    halves = [
        replace(whole, fold=f, ids=whole.ids[s], labels=whole.labels[s], probabilities=whole.probabilities[s])
        for f, s in enumerate((slice(0, 30), slice(30, 60)))
    ]
    one, two = summarise_calibration(result("a", whole)), summarise_calibration(result("a", *halves))
    assert [r.mean for r in one] == pytest.approx([r.mean for r in two])


def test_worst_draws() -> None:
    rows = summarise_calibration(results(draws=4, sharpness=2))
    assert {r.measure: r.worst_draw for r in rows}["log loss"] == 3
    assert all(r.worst >= r.mean for r in rows)


def test_sets_and_rejection_are_measured_where_runs_have_them() -> None:
    assert [r.measure for r in summarise_calibration(results())] == [
        "expected calibration error",
        "Brier score",
        "log loss",
    ]
    runs = []
    for d in range(3):
        sets = np.zeros((6, 3), dtype=bool)
        sets[np.arange(6), [0, 0, 1, 1, 2, 2]] = True
        sets[:d, :] = False
        sets[5] = True
        made = run([0, 0, 1, 1, 2, 2], [0] * 6, draw=d, per_class=5)
        runs.append(replace(made, sets=sets, rejected=np.arange(6) < d))
    plan = replace(result("x", *runs).recipe, posthoc=(Part("conformal", {"coverage": 0.8}),))
    rows = {r.measure: r for r in summarise_calibration(replace(result("x", *runs), recipe=plan))}
    assert rows["coverage of sets"].mean == pytest.approx(5 / 6)
    assert rows["coverage of sets"].worst == pytest.approx(4 / 6)
    assert rows["coverage of sets"].worst_draw == 2
    assert rows["coverage of sets"].target == 0.8
    assert rows["coverage, mean over classes"].mean == pytest.approx(5 / 6)
    assert rows["classes in a set"].mean == pytest.approx((8 + 7 + 6) / 18)
    assert rows["rejected"].mean == pytest.approx((0 + 1 + 2) / 18)
    assert rows["rejected"].target == 0.05
    for width in (60, 100):
        text = format_measures(list(rows.values()), width=width)
        assert max(map(len, text.splitlines())) <= width
        assert "83.3" in text


def test_coverage_as_a_mean_over_classes() -> None:
    sets = np.eye(3, dtype=bool)[[0, 0, 0, 0, 1, 2]]
    sets[0, 0] = sets[4, 1] = False
    made = [replace(run([0, 0, 0, 0, 1, 2], [0] * 6, draw=d), sets=sets) for d in range(2)]
    rows = {r.measure: r for r in summarise_calibration(result("x", *made))}
    assert rows["coverage of sets"].mean == pytest.approx(4 / 6)
    assert rows["coverage, mean over classes"].mean == pytest.approx((3 / 4 + 0 + 1) / 3)


def test_reliability_of_a_calibrated_model_is_the_diagonal() -> None:
    found = reliability_bins(results(draws=1, n=4000))
    assert sum(b.images for b in found) == 4000
    for b in found:
        assert b.low <= b.confidence <= b.high
        if b.images > 200:
            assert b.accuracy == pytest.approx(b.confidence, abs=0.06)
            assert b.accuracy_low < b.accuracy < b.accuracy_high


def test_a_repeated_image_counts_once_in_an_interval() -> None:
    one, five = (reliability_bins(random_result("a", 0.7, draws=d, n=50, spread=0)) for d in (1, 5))
    assert five[-1].accuracy_high - five[-1].accuracy_low > 0.7 * (one[-1].accuracy_high - one[-1].accuracy_low)
