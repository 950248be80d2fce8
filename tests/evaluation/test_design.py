"""Draws from one pool share images: the correction of intervals, against hand computation and simulation."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.core.result import Result
from handful.evaluation.design import overlap, pool_share
from handful.evaluation.evaluate import Protocol, evaluate
from handful.evaluation.intervals import mean_interval
from handful.evaluation.paired_difference import paired_difference
from handful.evaluation.results_log import read_results
from handful.evaluation.statistics import summarise
from tests.support.datasets import recipe, squares
from tests.support.results import fold_result, random_result
from tests.support.trainers import NearestMeanTrainer


def with_pool(result: Result, pool: tuple[int, ...]) -> Result:
    return replace(result, runs=tuple(replace(run, pool=np.array(pool)) for run in result.runs))


def test_equal_classes_share_what_a_draw_takes_of_the_pool() -> None:
    result = with_pool(random_result("a", 0.7, counts=(5, 5, 5)), (10, 10, 10))
    assert pool_share(result) == pytest.approx(0.5)
    assert overlap(result) == pytest.approx(1.0)


def test_a_small_class_counts_by_what_its_images_vary() -> None:
    result = with_pool(random_result("a", 0.7, counts=(100, 10, 1)), (100, 100, 100))
    assert pool_share(result) == pytest.approx(3 / 100 / (1 / 100 + 1 / 10 + 1))


def test_the_interval_grows_with_the_share_of_the_pool() -> None:
    plain = random_result("a", 0.7, counts=(5, 5, 5))
    scores = np.array([np.mean(run.predictions == run.labels) for run in plain.runs])
    for pool, shared in ((5000, 5 / 4995), (10, 1.0)):
        (row,) = summarise(with_pool(plain, (pool,) * 3))
        low, high, _ = mean_interval(scores, shared)
        assert [row.low, row.high] == pytest.approx([low, high])


def test_a_difference_is_corrected_like_a_score() -> None:
    a, b = (random_result(name, share, counts=(5, 5, 5)) for name, share in (("a", 0.75), ("b", 0.7)))
    large = paired_difference(with_pool(a, (5000,) * 3), with_pool(b, (5000,) * 3))
    small = paired_difference(with_pool(a, (10,) * 3), with_pool(b, (10,) * 3))
    assert (small.high - small.low) / (large.high - large.low) == pytest.approx(np.sqrt(1.2 / (0.2 + 5 / 4995)))
    assert small.p > large.p


def test_a_pool_that_every_draw_takes_whole_says_nothing_of_others() -> None:
    result = with_pool(random_result("a", 0.7, counts=(5, 5, 5)), (5, 5, 5))
    assert overlap(result) == np.inf
    (row,) = summarise(result)
    assert (row.low, row.high) == (0.0, 1.0)


def test_a_third_whose_images_are_all_taken_has_no_interval() -> None:
    result = with_pool(random_result("a", 0.7, counts=(50, 10, 5)), (50, 50, 50))
    (row,) = summarise(result, "balanced_accuracy")
    assert [(third.low, third.high) for third in row.thirds[:1]] == [(0.0, 1.0)]
    assert all(third.high - third.low < 1 for third in row.thirds[1:])


def test_without_the_size_of_the_pool_the_common_images_of_two_draws_are_counted() -> None:
    result = random_result("a", 0.7, draws=3)
    ids = (("1", "2", "3", "4"), ("3", "4", "5", "6"), ("1", "2", "5", "6"))
    runs = (replace(run, train_ids=own) for run, own in zip(result.runs, ids, strict=True))
    assert pool_share(replace(result, runs=tuple(runs))) == pytest.approx(0.5)


def test_folds_keep_the_correction_of_nadeau_and_bengio() -> None:
    result = with_pool(fold_result("a", (5, 6, 7)), (13, 13, 13))
    assert overlap(result) == pytest.approx(10 / 30)


def test_evaluation_and_its_log_know_the_pool(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    result = evaluate(
        recipe(),
        squares(6),
        protocol=Protocol(per_class=3),
        log=log,
        trainer=NearestMeanTrainer(tmp_path / "calls"),
        progress=False,
    )
    again = evaluate(
        recipe(),
        squares(6),
        protocol=Protocol(per_class=3),
        log=log,
        trainer=NearestMeanTrainer(tmp_path / "calls"),
        progress=False,
    )
    (read,) = read_results(log)
    for each in (result, again, read):
        assert [run.pool.tolist() for run in each.runs if run.pool is not None] == [[6, 6, 6]] * 5
        assert pool_share(each) == pytest.approx(0.5)


@pytest.mark.parametrize(("drawn", "pool"), [((5, 5), (10, 10)), ((20, 4, 1), (20, 20, 20)), ((4, 4), (5, 40))])
def test_the_variance_over_new_pools_is_what_the_correction_says(drawn: Sequence[int], pool: Sequence[int]) -> None:
    rng, draws = np.random.default_rng(0), 5
    share = (1 / np.array(pool)).sum() / (1 / np.array(drawn)).sum()
    means, estimates = [], []
    for _ in range(3000):
        values = [rng.normal(size=n) for n in pool]
        scores = np.array(
            [
                sum(rng.choice(own, n, replace=False).mean() for own, n in zip(values, drawn, strict=True))
                for _ in range(draws)
            ]
        )
        means.append(scores.mean())
        estimates.append(scores.var(ddof=1) * (1 / draws + share / (1 - share)))
    assert np.mean(estimates) == pytest.approx(np.var(means), rel=0.1)
