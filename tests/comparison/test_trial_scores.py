import numpy as np
import pytest

from handful.comparison.trial_scores import FoldScore, TrialScores

WEIGHTS = [np.full(2, 0.25), np.full(2, 0.25)]
UNEVEN = [np.full(2, 0.2), np.full(3, 0.2)]


def fold(*right: float, probability: float = 0.5, seconds: float = 1.0) -> FoldScore:
    return FoldScore(np.array(right, dtype=float), probability, seconds)


def scores(*trials: tuple[FoldScore, ...]) -> TrialScores:
    table = TrialScores(WEIGHTS)
    for number, folds in enumerate(trials):
        for one in folds:
            table.add(number, one)
    return table


def test_a_trials_share_counts_the_images_of_all_its_folds() -> None:
    assert scores((fold(1, 1), fold(0, 1))).share_right(0) == 0.75


def test_the_probability_of_the_true_class_breaks_ties_and_no_more() -> None:
    table = scores(
        (fold(1, 0, probability=0.2), fold(1, 0)), (fold(1, 0, probability=0.9), fold(1, 0)), (fold(1, 1), fold(1, 0))
    )
    assert table.score(0) < table.score(1) < table.score(2)
    assert table.score(1) < table.share_right(1) + 0.25


def test_the_gap_of_two_trials_is_paired_over_the_folds_that_both_have() -> None:
    table = scores((fold(1, 1), fold(1, 0)), (fold(0, 1),))
    mean, error = table.gap(0, 1, folds=1)
    assert mean == pytest.approx(0.5)  # of the differences 1 and 0, weighted alike
    assert error == pytest.approx(np.sqrt(2 * 0.5**2 * 0.5**2))


def test_folds_are_counted_in_the_order_in_which_they_ran() -> None:
    table = scores((fold(1, 1, seconds=2), fold(0, 0, seconds=3)))
    assert [one.seconds for one in table.of(0)] == [2, 3]
    assert table.seconds() == 5
    assert 1 not in table
    assert table.of(1) == ()


def test_folds_may_differ_in_their_number_of_images() -> None:
    table = TrialScores(UNEVEN)
    table.add(0, fold(1, 1))
    table.add(0, fold(0, 0, 1))
    assert table.share_right(0) == pytest.approx(0.6)
