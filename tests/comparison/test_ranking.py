import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from handful.comparison.power import analyze_power
from handful.comparison.ranking import all_pairs, chance_to_win, class_harms, rank_results
from handful.core.result import Result
from handful.evaluation.annotation_cost import AnnotationTimes
from handful.evaluation.statistics import paired_difference
from tests.evaluation.test_multiple_testing import slow_holm
from tests.support.results import random_result, result, run

TIMES = AnnotationTimes(3.5, 29.52)


def judged(*results: Result, controls: Sequence[str] = ()) -> Any:
    roles: Any = {r.recipe.name: "control" if r.recipe.name in controls else "method" for r in results}
    return rank_results(results, roles, (), TIMES)


def folds(name: str, right: Sequence[int]) -> Result:
    """Ten images a fold, of which so many are right."""
    labels = [0] * 5 + [1] * 5
    runs = []
    for fold, n in enumerate(right):
        said = [label if i < n else 2 for i, label in enumerate(labels)]
        runs.append(run(labels, said, fold=fold, first=10 * fold, n_train=30))
    return result(name, *runs)


def gaps(a: Result, b: Result) -> np.ndarray:
    first, second = (np.array([np.mean(r.predictions == r.labels) for r in x.runs]) for x in (a, b))
    return np.asarray(first - second)


def test_chance_to_win_is_that_of_a_new_draw_from_the_posterior() -> None:
    a, b = (random_result(n, s, seed=i, draws=6) for i, (n, s) in enumerate((("a", 0.83), ("b", 0.8))))
    d = gaps(a, b)
    rng = np.random.default_rng(0)
    n = 400_000
    variance = (len(d) - 1) * d.var(ddof=1) / rng.chisquare(len(d) - 1, n)
    mean = d.mean() + np.sqrt(variance / len(d)) * rng.standard_normal(n)
    wins = np.mean(mean + np.sqrt(variance) * rng.standard_normal(n) > 0)
    assert chance_to_win(a, b, "accuracy") == pytest.approx(float(wins), abs=0.004)
    assert chance_to_win(a, b, "accuracy") + chance_to_win(b, a, "accuracy") == pytest.approx(1)


def test_overlapping_runs_make_winning_less_sure() -> None:
    a, b = folds("a", [9, 8, 9]), folds("b", [7, 7, 8])
    d = np.array([0.2, 0.1, 0.1])
    scale = d.std(ddof=1) * math.sqrt(1 + 1 / 3 + 2 * 10 / 30)
    assert chance_to_win(a, b, "accuracy") == pytest.approx(float(stats.t.cdf(d.mean() / scale, 2)))


def test_one_run_and_equal_runs_have_their_own_answers() -> None:
    one, other = result("a", run([0, 1], [0, 1])), result("b", run([0, 1], [0, 0]))
    assert math.isnan(chance_to_win(one, other, "accuracy"))
    assert chance_to_win(folds("a", [9, 9]), folds("b", [9, 9]), "accuracy") == 0.5
    assert chance_to_win(folds("a", [9, 9]), folds("b", [8, 8]), "accuracy") == 1.0


def test_pairs_are_corrected_for_their_number() -> None:
    results = [random_result(f"r{i}", 0.9 - 0.05 * i, seed=i, n=500, spread=0.005) for i in range(5)]
    pairs = all_pairs(results, "accuracy")
    assert len(pairs) == 10
    plain = [paired_difference(results[i], results[j]).p for i in range(5) for j in range(i + 1, 5)]
    assert [p.p_adjusted for p in pairs] == pytest.approx(slow_holm(plain))
    best = pairs[3]
    assert (best.comparison.a, best.comparison.b) == ("r0", "r4")
    assert best.separable
    assert not any(p.separable for p in pairs if p.p_adjusted >= 0.05)


def test_levels_rank_and_name_the_best_control() -> None:
    high, low, control = (random_result(n, s, seed=i) for i, (n, s) in enumerate((("x", 0.9), ("y", 0.5), ("c", 0.7))))
    (level,) = judged(low, control, high, controls=("c",))
    assert [(e.rank, e.recipe, e.role) for e in level.entries] == [
        (1, "x", "method"),
        (2, "c", "control"),
        (3, "y", "method"),
    ]
    assert level.control == "c"
    assert level.pair("c", "x").separable
    assert level.answer.startswith("With 5 labelled images per class, x is ahead with ")
    assert "better than c, the best control" in level.answer
    assert "5 draws" in level.answer
    assert "worst" in level.answer
    assert level.best.label_minutes == pytest.approx(6 * 3.5 / 60)
    (even,) = judged(random_result("c", 0.7, seed=0), random_result("x", 0.7, seed=5), controls=("c",))
    assert "not separable" in even.answer
    steady = [
        random_result(n, mean, seed=i, n=500, spread=0.001) for i, (n, mean) in enumerate((("c", 0.7), ("x", 0.9)))
    ]
    (clear,) = judged(*steady, controls=("c",))
    assert ">99 % to win a new draw" in clear.answer  # never certain


def test_a_class_that_gets_worse_is_named() -> None:
    rng = np.random.default_rng(0)
    good, bad = [], []
    for draw in range(5):
        labels = np.repeat([0, 1, 2], 40)
        said = np.where(rng.random(120) < 0.8, labels, (labels + 1) % 3)
        worse = np.where((labels == 1) & (rng.random(120) < 0.6), 0, said)
        good.append(run(labels.tolist(), said.tolist(), draw=draw))
        bad.append(run(labels.tolist(), worse.tolist(), draw=draw))
    harms = class_harms(result("method", *bad), result("control", *good))
    assert [h.worse for h in harms] == [False, True, False]
    assert harms[1].mean < -0.3
    assert [h.images for h in harms] == [40] * 3
    assert harms[1].low <= harms[1].mean <= harms[1].high < 0


def test_more_draws_separate_what_is_noisy_over_draws() -> None:
    a, b = (random_result(n, s, seed=i, n=5000) for i, (n, s) in enumerate((("a", 0.84), ("b", 0.8))))
    ranked = sorted((a, b), key=lambda r: -float(np.mean([np.mean(x.predictions == x.labels) for x in r.runs])))
    found = analyze_power(ranked, all_pairs(ranked, "accuracy"), "accuracy", [ranked])
    assert not found.separable
    assert found.draws is not None
    assert found.draws > 5
    d = gaps(*ranked)

    def half(n: int) -> float:
        return float(stats.t.ppf(0.975, n - 1) * d.std(ddof=1) / math.sqrt(n))

    assert half(found.draws) < d.mean() <= half(found.draws - 1)
    assert f"about {found.draws} draws" in found.says


def test_where_folds_are_cut_more_images_are_asked_for() -> None:
    a, b = folds("a", [9, 8, 9, 9]), folds("b", [7, 8, 6, 8])
    pairs = all_pairs([a, b], "accuracy")
    found = analyze_power([a, b], pairs, "accuracy", [[a, b]])
    c = pairs[0].comparison
    assert found.test_images == math.ceil(40 * ((c.high - c.low) / 2 / c.mean) ** 2)
    assert "labelled images in all" in found.says
    assert "several of them" in found.says


def test_a_line_over_images_per_class_is_followed_ten_times_as_far_at_most() -> None:
    def level(m: int, gap: float) -> list[Result]:
        return [
            random_result(n, s, seed=i, n=500, spread=0.03, per_class=m)
            for i, (n, s) in enumerate((("a", 0.7 + gap), ("b", 0.7)))
        ]

    rows = [level(5, 0.0), level(10, 0.02), level(20, 0.04)]
    found = analyze_power(rows[-1], all_pairs(rows[-1], "accuracy"), "accuracy", rows)
    means = [paired_difference(x, y).mean for x, y in rows]
    slope, start = np.polyfit(np.log([5, 10, 20]), means, 1)
    assert not found.separable
    if found.per_class is None:
        assert abs(start + slope * math.log(200)) < 0.2
        assert "none up to 10 times" in found.says
    else:
        assert 20 < found.per_class <= 200
        assert f"about {found.per_class} images per class" in found.says


def test_beyond_ten_times_what_was_run_nothing_is_promised() -> None:
    a, b = folds("a", [9, 2, 9]), folds("b", [6, 9, 4])
    found = analyze_power([a, b], all_pairs([a, b], "accuracy"), "accuracy", [[a, b]])
    assert found.test_images is None
    assert "not even 10 times the images" in found.says


def test_a_pair_lost_among_many_is_said_to_be() -> None:
    results = [random_result(f"r{i}", 0.9 if i == 0 else 0.88, seed=10 + i, n=400, spread=0.004) for i in range(7)]
    ranked = sorted(results, key=lambda r: -float(np.mean([np.mean(x.predictions == x.labels) for x in r.runs])))
    pairs = all_pairs(ranked, "accuracy")
    first = next(p for p in pairs if p.comparison.b == ranked[1].recipe.name)
    found = analyze_power(ranked, pairs, "accuracy", [ranked])
    if first.separable:
        assert "told apart already" in found.says
    elif first.comparison.verdict != "not separable":
        assert "among all pairs they are not" in found.says
    else:
        assert "If the gap stays" in found.says
