import itertools
from dataclasses import replace

import numpy as np
import pytest

from handful.errors import ProtocolError
from handful.evaluation.intervals import wilson
from handful.evaluation.paired_difference import paired_difference
from handful.evaluation.statistics import summarise
from tests.support.results import random_result, result, run


def test_verdicts() -> None:
    good, bad = random_result("good", 0.9), random_result("bad", 0.6, seed=5)
    assert paired_difference(good, bad).verdict == "A better"
    assert paired_difference(bad, good).verdict == "B better"
    forth, back = paired_difference(good, bad), paired_difference(bad, good)
    assert (forth.mean, forth.low, forth.high) == pytest.approx((-back.mean, -back.high, -back.low))
    assert paired_difference(good, random_result("other", 0.9, seed=7)).verdict == "not separable"


def test_one_draw_gives_no_verdict() -> None:
    found = paired_difference(random_result("a", 0.99, draws=1), random_result("b", 0.3, draws=1, seed=2))
    assert found.verdict == "not separable"
    assert found.image_low > 0
    assert np.isnan(found.low)


def test_scores_that_agree_exactly_have_the_interval_of_their_images() -> None:
    labels = [0, 1, 2, 0]
    same = result("a", *(run(labels, [0, 1, 2, 1], draw=d) for d in range(5)))
    (row,) = summarise(same)
    assert (row.mean, row.low, row.high) == pytest.approx((0.75, *wilson(3, 4)))
    (balanced,) = summarise(same, "balanced_accuracy")
    assert np.isnan(balanced.low)


def test_few_images_are_not_enough_even_when_every_draw_agrees() -> None:
    labels = [0, 1, 2, 0]
    a = result("a", *(run(labels, [0, 1, 2, 0], draw=d) for d in range(5)))
    b = result("b", *(run(labels, [0, 1, 2, 1], draw=d) for d in range(5)))
    found = paired_difference(a, b)
    assert found.p == 0
    assert found.image_low == 0
    assert found.verdict == "not separable"


def test_balanced_verdict_weighs_classes() -> None:
    labels = [0] * 90 + [1] * 10
    a = result("a", *(run(labels, [0] * 90 + [1] * 10, draw=d, classes=2) for d in range(3)), classes=("x", "y"))
    b = result("b", *(run(labels, [0] * 100, draw=d, classes=2) for d in range(3)), classes=("x", "y"))
    assert paired_difference(a, b).mean == pytest.approx(0.1)
    found = paired_difference(a, b, "balanced_accuracy")
    assert (found.mean, found.image_low) == pytest.approx((0.5, 0.5))


def test_false_verdicts_are_rare() -> None:
    """Two recipes that are the same: a winner is named in about one of twenty trials, or fewer."""
    named = 0
    for trial in range(100):
        a, b = (random_result(n, 0.8, n=60, seed=2 * trial + i) for i, n in enumerate("ab"))
        named += paired_difference(a, b, resamples=200).verdict != "not separable"
    assert named <= 9


@pytest.mark.parametrize("change", ["draws", "train", "test"])
def test_results_of_other_draws_are_not_compared(change: str) -> None:
    a, b = random_result("a", 0.8), random_result("b", 0.8)
    first = b.runs[0]
    other = {
        "draws": b.runs[:-1],
        "train": (replace(first, train_ids=("x",)), *b.runs[1:]),
        "test": (replace(first, ids=(*first.ids[:-1], "x")), *b.runs[1:]),
    }[change]
    with pytest.raises(ProtocolError, match="not paired"):
        paired_difference(a, replace(b, runs=other))


def test_scored_images_may_come_in_another_order() -> None:
    a, b = random_result("a", 0.9), random_result("b", 0.6, seed=5)
    turned = [
        replace(r, ids=r.ids[::-1], labels=r.labels[::-1].copy(), probabilities=r.probabilities[::-1].copy())
        for r in itertools.chain(b.runs)
    ]
    assert paired_difference(a, b) == paired_difference(a, replace(b, runs=tuple(turned)))
