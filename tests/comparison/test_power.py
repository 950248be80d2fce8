import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from handful.comparison.power import analyze_power
from handful.comparison.ranking import all_pairs
from handful.core.result import Result
from handful.evaluation.paired_difference import paired_difference
from handful.evaluation.score_table import ScoreTable, score_table
from tests.support.results import fold_result, random_result, run_gaps


def ranked(results: Sequence[Result]) -> ScoreTable:
    """Best accuracy first."""
    return score_table(
        sorted(results, key=lambda r: -float(np.mean([np.mean(x.predictions == x.labels) for x in r.runs])))
    )


def test_more_draws_separate_what_is_noisy_over_draws() -> None:
    a, b = (random_result(n, s, seed=i, n=5000) for i, (n, s) in enumerate((("a", 0.84), ("b", 0.8))))
    table = ranked((a, b))
    found = analyze_power(table, all_pairs(table), [table])
    assert not found.separable
    assert found.draws is not None
    assert found.draws > 5
    d = run_gaps(table.results[0], table.results[1])

    def half(n: int) -> float:
        return float(stats.t.ppf(0.975, n - 1) * d.std(ddof=1) / math.sqrt(n))

    assert half(found.draws) < d.mean() <= half(found.draws - 1)
    assert f"about {found.draws} draws" in found.says


def test_where_folds_are_cut_more_images_are_asked_for() -> None:
    a, b = fold_result("a", [9, 8, 9, 9]), fold_result("b", [7, 8, 6, 8])
    table = score_table([a, b])
    pairs = all_pairs(table)
    found = analyze_power(table, pairs, [table])
    c = pairs[0].comparison
    assert found.test_images == math.ceil(40 * ((c.high - c.low) / 2 / c.mean) ** 2)
    assert "labelled images in all" in found.says
    assert "several numbers of images" in found.says


def test_a_line_over_images_per_class_is_followed_ten_times_as_far_at_most() -> None:
    def at_size(m: int, gap: float) -> ScoreTable:
        return score_table(
            [
                random_result(n, s, seed=i, n=500, spread=0.03, per_class=m)
                for i, (n, s) in enumerate((("a", 0.7 + gap), ("b", 0.7)))
            ]
        )

    tables = [at_size(5, 0.0), at_size(10, 0.02), at_size(20, 0.04)]
    found = analyze_power(tables[-1], all_pairs(tables[-1]), tables)
    means = [paired_difference(table.results[0], table.results[1]).mean for table in tables]
    slope, start = np.polyfit(np.log([5, 10, 20]), means, 1)
    assert not found.separable
    if found.per_class is None:
        assert abs(start + slope * math.log(200)) < 0.2
        assert "none up to 10 times" in found.says
    else:
        assert 20 < found.per_class <= 200
        assert f"about {found.per_class} images per class" in found.says


def test_beyond_ten_times_what_was_run_nothing_is_promised() -> None:
    a, b = fold_result("a", [9, 2, 9]), fold_result("b", [6, 9, 4])
    table = score_table([a, b])
    found = analyze_power(table, all_pairs(table), [table])
    assert found.test_images is None
    assert "not even 10 times the images" in found.says


def test_a_pair_lost_among_many_is_said_to_be() -> None:
    results = [random_result(f"r{i}", 0.9 if i == 0 else 0.88, seed=10 + i, n=400, spread=0.004) for i in range(7)]
    table = ranked(results)
    pairs = all_pairs(table)
    first = next(p for p in pairs if p.comparison.b == table.results[1].recipe.name)
    found = analyze_power(table, pairs, [table])
    if first.separable:
        assert "already separable" in found.says
    elif first.comparison.verdict != "not separable":
        assert "among all pairs they are not" in found.says
    else:
        assert "If the gap stays" in found.says
