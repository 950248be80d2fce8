import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from handful.comparison.ranking import all_pairs, chance_to_win, class_regressions, rank_results
from handful.core.result import Result
from handful.evaluation.annotation_cost import AnnotationTimes
from handful.evaluation.paired_difference import paired_difference
from handful.evaluation.score_table import score_table
from tests.evaluation.test_multiple_testing import slow_holm
from tests.support.results import fold_result, random_result, result, run, run_gaps

TIMES = AnnotationTimes(3.5, 29.52)


def judged(*results: Result, controls: Sequence[str] = ()) -> Any:
    roles: Any = {r.recipe.name: "control" if r.recipe.name in controls else "method" for r in results}
    return rank_results(results, roles, (), TIMES)


def chance(a: Result, b: Result) -> float:
    table = score_table([a, b])
    return chance_to_win(table.differences(0, 1), table.overlap)


def test_chance_to_win_is_that_of_a_new_draw_from_the_posterior() -> None:
    a, b = (random_result(n, s, seed=i, draws=6) for i, (n, s) in enumerate((("a", 0.83), ("b", 0.8))))
    d = run_gaps(a, b)
    rng = np.random.default_rng(0)
    n = 400_000
    variance = (len(d) - 1) * d.var(ddof=1) / rng.chisquare(len(d) - 1, n)
    mean = d.mean() + np.sqrt(variance / len(d)) * rng.standard_normal(n)
    wins = np.mean(mean + np.sqrt(variance) * rng.standard_normal(n) > 0)
    assert chance(a, b) == pytest.approx(float(wins), abs=0.004)
    assert chance(a, b) + chance(b, a) == pytest.approx(1)


def test_overlapping_runs_make_winning_less_sure() -> None:
    a, b = fold_result("a", [9, 8, 9]), fold_result("b", [7, 7, 8])
    d = np.array([0.2, 0.1, 0.1])
    scale = d.std(ddof=1) * math.sqrt(1 + 1 / 3 + 2 * 10 / 30)
    assert chance(a, b) == pytest.approx(float(stats.t.cdf(d.mean() / scale, 2)))


def test_one_run_and_equal_runs_have_their_own_answers() -> None:
    one, other = result("a", run([0, 1], [0, 1])), result("b", run([0, 1], [0, 0]))
    assert math.isnan(chance(one, other))
    assert chance(fold_result("a", [9, 9]), fold_result("b", [9, 9])) == 0.5
    assert chance(fold_result("a", [9, 9]), fold_result("b", [8, 8])) == 1.0


def test_pairs_are_corrected_for_their_number() -> None:
    results = [random_result(f"r{i}", 0.9 - 0.05 * i, seed=i, n=500, spread=0.005) for i in range(5)]
    pairs = all_pairs(score_table(results))
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
    harms = class_regressions(score_table([result("method", *bad), result("control", *good)]), 0, 1)
    assert [h.worse for h in harms] == [False, True, False]
    assert harms[1].mean < -0.3
    assert [h.images for h in harms] == [40] * 3
    assert harms[1].low <= harms[1].mean <= harms[1].high < 0
