from dataclasses import replace

import numpy as np
import pytest

from handful.core.result import Result
from handful.errors import ProtocolError
from handful.evaluation.metrics import SCORES, Metric
from handful.evaluation.score_table import score_table
from tests.support.results import fold_result, random_result, result, run


def pair(draws: int = 3) -> list[Result]:
    return [random_result(name, 0.7, seed=i, n=30, draws=draws) for i, name in enumerate("ab")]


@pytest.mark.parametrize("metric", list(SCORES))
def test_runs_and_draws_are_scored_one_by_one(metric: Metric) -> None:
    results = pair()
    table = score_table(results, metric)
    expected = [[SCORES[metric](x.labels, x.predictions, 3) for x in r.runs] for r in results]
    np.testing.assert_array_equal(table.run_scores, expected)
    np.testing.assert_array_equal(table.draw_scores, expected)
    np.testing.assert_array_equal(table.differences(0, 1), np.array(expected[0]) - expected[1])


def test_folds_of_a_draw_are_scored_together() -> None:
    table = score_table([fold_result("a", [9, 8, 7])])
    np.testing.assert_allclose(table.run_scores, [[0.9, 0.8, 0.7]])
    np.testing.assert_allclose(table.draw_scores, [[0.8]])
    assert table.by_draw(table.correct[0]).shape == (1, 30)
    assert np.nansum(table.correct[0]) == np.sum(table.by_draw(table.correct[0])) == 24


def test_an_image_is_right_wrong_or_not_scored() -> None:
    first, second = run([0, 1], [0, 0]), run([2], [2], fold=1, first=2)
    table = score_table([result("a", first, second)])
    np.testing.assert_array_equal(table.correct[0], [[1, 0, np.nan], [np.nan, np.nan, 1]])
    assert table.labels.tolist() == [0, 1, 2]


def test_the_order_of_runs_and_images_does_not_matter() -> None:
    a, b = pair()
    turned = tuple(
        replace(r, ids=r.ids[::-1], labels=r.labels[::-1], probabilities=r.probabilities[::-1]) for r in b.runs[::-1]
    )
    one, other = score_table([a, b]), score_table([a, replace(b, runs=turned)])
    np.testing.assert_array_equal(one.run_scores, other.run_scores)
    np.testing.assert_array_equal(one.image_differences(0, 1), other.image_differences(0, 1))
    backwards = score_table([replace(a, runs=a.runs[::-1]), b])
    np.testing.assert_array_equal(one.differences(0, 1), backwards.differences(0, 1))


def test_rows_can_be_selected() -> None:
    table = score_table(pair()).select([1, 0])
    assert [r.recipe.name for r in table.results] == ["b", "a"]
    assert table.row("a") == 1
    assert table.row("c") is None
    np.testing.assert_array_equal(table.image_differences(0, 1), -score_table(pair()).image_differences(0, 1))


def test_other_draws_are_refused() -> None:
    with pytest.raises(ProtocolError, match="same draws"):
        score_table([pair()[0], pair(draws=2)[1]])
