from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score

from handful.evaluation.design import design, overlap
from handful.evaluation.intervals import bootstrap, mean_interval, wilson
from handful.evaluation.metrics import balanced_accuracy, macro_f1, recalls
from handful.evaluation.score_table import score_table
from handful.evaluation.statistics import class_recalls, headline_metric, summarise
from tests.support.results import random_result, result, run


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, predictions = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
    assert balanced_accuracy(labels, predictions, 4) == pytest.approx(balanced_accuracy_score(labels, predictions))
    np.testing.assert_allclose(recalls(labels, predictions, 4), recall_score(labels, predictions, average=None))
    assert macro_f1(labels, predictions, 4) == pytest.approx(f1_score(labels, predictions, average="macro"))


def test_a_class_without_test_images_is_left_out_of_balanced_accuracy() -> None:
    labels, predictions = np.array([0, 0, 1]), np.array([0, 2, 1])
    assert balanced_accuracy(labels, predictions, 3) == 0.75
    assert np.isnan(recalls(labels, predictions, 3)[2])


@pytest.mark.parametrize(("right", "n"), [(0, 10), (3, 10), (10, 10), (812, 1000)])
def test_wilson_is_scipys(right: int, n: int) -> None:
    wanted = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right, n) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_paired_t_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.8, 0.05, 6), rng.normal(0.75, 0.05, 6)
    test = stats.ttest_rel(a, b)
    interval = test.confidence_interval(0.95)
    assert mean_interval(a - b) == pytest.approx((interval.low, interval.high, test.pvalue))


def test_corrected_t_by_hand() -> None:
    """Nadeau and Bengio, section 3.2.3: S2 (1/J + n2/n1), t with J - 1 degrees of freedom."""
    values = np.array([0.02, 0.05, -0.01, 0.04, 0.03])
    variance = sum((v - values.mean()) ** 2 for v in values) / 4
    statistic = values.mean() / (variance * (1 / 5 + 0.25)) ** 0.5
    _, _, p = mean_interval(values, 0.25)
    assert p == pytest.approx(2 * (1 - stats.t.cdf(statistic, 4)))
    low, high, plain = mean_interval(values)
    assert plain < p
    assert mean_interval(values, 0.25)[0] < low < high < mean_interval(values, 0.25)[1]


def test_the_t_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = [low <= 0.7 <= high for low, high, _ in (mean_interval(rng.normal(0.7, 0.1, 5)) for _ in range(2000))]
    assert 0.935 < np.mean(covered) < 0.965


def test_runs_that_agree_exactly() -> None:
    assert mean_interval(np.full(4, 0.1)) == pytest.approx((0.1, 0.1, 0.0))
    assert mean_interval(np.zeros(4)) == (0, 0, 1)
    assert np.isnan(mean_interval(np.array([0.5]))).all()


def test_bootstrap_against_a_slow_one() -> None:
    """The same two-level resampling written as loops; intervals agree within Monte Carlo error."""
    rng = np.random.default_rng(2)
    table = rng.integers(-1, 2, (4, 30)).astype(float) + 0.2
    table[0, :10] = np.nan  # this draw did not score these
    means = []
    for _ in range(3000):
        part = table[rng.integers(0, 4, 4)][:, rng.integers(0, 30, 30)]
        means.append(np.nanmean(part))
    wanted = np.percentile(means, [2.5, 97.5])
    got = bootstrap(table, [np.arange(30)], 3000, np.random.default_rng(3))
    assert got == pytest.approx(tuple(wanted), abs=0.04)


def test_bootstrap_counts_groups_alike() -> None:
    table = np.array([[1.0] * 90 + [0.0] * 10] * 3)
    low, high = bootstrap(table, [np.arange(90), np.arange(90, 100)], 200, np.random.default_rng(0))
    assert (low, high) == (0.5, 0.5)


def test_designs() -> None:
    labels = [0, 1, 2, 0]
    draws = [run(labels, labels, draw=d) for d in range(3)]
    assert design(result("a", *draws)) == "draws"
    seeds = [replace(r, train_ids=draws[0].train_ids) for r in draws]
    assert design(result("a", *seeds)) == "seeds"
    split = [run(labels, labels, draw=d, first=4 * d) for d in range(3)]
    assert design(result("a", *split)) == "re-split"
    assert overlap(result("a", *split)) == pytest.approx(4 / 6)
    assert overlap(result("a", *(replace(r, train_ids=r.train_ids[:2]) for r in split))) == pytest.approx(2 / 4)
    assert overlap(result("a", *draws)) == 0
    assert design(result("a", draws[0])) == "one run"


def test_summary_of_known_runs() -> None:
    runs = [run([0, 1, 2, 0], p, draw=d, per_class=2) for d, p in enumerate([[0, 1, 2, 0], [0, 1, 2, 1], [0, 0, 0, 0]])]
    (row,) = summarise(result("a", *runs))
    assert (row.mean, row.worst, row.worst_draw, row.draws, row.per_class) == (0.75, 0.5, 2, 3, 2)
    half = stats.t.ppf(0.975, 2) * 0.25 / np.sqrt(3)
    assert row.low == pytest.approx(0.75 - half)
    assert row.high == 1.0  # clipped


def test_folds_of_a_draw_are_scored_together() -> None:
    first = run([0, 0, 1], [0, 0, 1], fold=0)
    second = run([2, 2, 1], [2, 0, 0], fold=1, first=3)
    both = result("a", first, second)
    assert score_table([both]).draw_scores.tolist() == [[4 / 6]]
    balanced = score_table([both], "balanced_accuracy").draw_scores
    np.testing.assert_allclose(balanced, [[(1 + 0.5 + 0.5) / 3]])
    (row,) = summarise(both)
    assert (row.draws, row.runs, row.design) == (1, 2, "re-split")
    assert row.low < row.mean < row.high


def test_one_run_has_the_interval_of_its_images() -> None:
    only = result("a", run([0, 1, 2, 0], [0, 1, 2, 1]))
    assert (summarise(only)[0].low, summarise(only)[0].high) == pytest.approx(wilson(3, 4))
    assert np.isnan(summarise(only, "macro_f1")[0].low)


def test_recall_counts_an_image_once_however_many_draws() -> None:
    labels = [0] * 10 + [1] * 5
    runs = [run(labels, [0] * (10 - d) + [1] * (5 + d), draw=d, classes=2) for d in (0, 2)]
    first, second = class_recalls(result("a", *runs, classes=("x", "y")))
    assert (first.name, first.images, first.mean, first.worst) == ("x", 10, 0.9, 0.8)
    assert (first.low, first.high) == wilson(9, 10)
    assert second.mean == 1.0


LABELS = [0, 0, 1, 1, 2, 2]


def test_thirds_are_mean_recalls_with_the_interval_of_the_draws() -> None:
    said = [[0, 0, 1, 0, 0, 0], [0, 0, 1, 1, 2, 0], [0, 0, 1, 1, 2, 2]]
    runs = [run(LABELS, p, draw=d, per_class=9, counts=(3, 9, 1)) for d, p in enumerate(said)]
    (row,) = summarise(result("a", *runs), "balanced_accuracy")
    assert row.smallest == 1
    assert [(t.name, t.classes, t.most, t.least) for t in row.thirds] == [
        ("larger", ("green",), 9, 9),
        ("medium", ("blue",), 3, 3),
        ("smaller", ("red",), 1, 1),
    ]
    assert [t.mean for t in row.thirds] == pytest.approx([2.5 / 3, 1, 0.5])
    assert [t.worst for t in row.thirds] == [0.5, 1, 0]
    low, high, _ = mean_interval(np.array([0.5, 1, 1]))
    assert (row.thirds[0].low, row.thirds[0].high) == pytest.approx((low, min(1, high)))
    assert np.isnan([row.thirds[1].low, row.thirds[1].high]).all()  # runs that agree say nothing of their spread
    assert row.mean == pytest.approx(np.mean([t.mean for t in row.thirds]))


def test_thirds_follow_each_draws_own_counts() -> None:
    """Class 0 is never found: it is the larger third of one draw and the smaller of the other."""
    said = [1, 1, 1, 1, 2, 2]
    runs = [run(LABELS, said, draw=d, per_class=9, counts=c) for d, c in enumerate([(9, 3, 1), (1, 3, 9)])]
    (row,) = summarise(result("a", *runs))
    assert [t.mean for t in row.thirds] == [0.5, 1, 0.5]
    assert [t.classes for t in row.thirds] == [(), ("green",), ()]


def test_folds_of_a_draw_share_their_thirds() -> None:
    halves = [
        run(LABELS[i::2], [0, 1, 0], draw=0, fold=i, first=3 * i, counts=c)
        for i, c in enumerate([(9, 5, 2), (8, 6, 2)])
    ]
    (row,) = summarise(result("a", *halves))
    assert row.smallest is None
    assert [(t.most, t.least, t.mean) for t in row.thirds] == [(8, 8, 1), (6, 6, 1), (2, 2, 0)]


def test_one_run_has_thirds_without_intervals() -> None:
    (row,) = summarise(result("a", run(LABELS, LABELS, counts=(9, 3, 1))))
    assert [t.mean for t in row.thirds] == [1, 1, 1]
    assert all(np.isnan(t.low) and np.isnan(t.high) for t in row.thirds)


@pytest.mark.parametrize("counts", [None, (5, 5, 5), (5, 4, 5)])
def test_classes_alike_have_no_thirds_and_open_with_accuracy(counts: tuple[int, ...] | None) -> None:
    found = random_result("a", 0.8, counts=counts)
    (row,) = summarise(found)
    assert row.thirds == ()
    assert headline_metric(found) == "accuracy"
    assert headline_metric([found, random_result("b", 0.8, counts=(9, 5, 1))]) == "balanced_accuracy"


def test_a_third_without_test_images_is_said_to_be_unknown() -> None:
    runs = [run([0, 1, 1], [0, 1, 0], draw=d, counts=(9, 3, 1)) for d in range(2)]
    thirds = summarise(result("a", *runs))[0].thirds
    assert [t.mean for t in thirds[:2]] == [1, 0.5]
    assert np.isnan(thirds[2].mean)
