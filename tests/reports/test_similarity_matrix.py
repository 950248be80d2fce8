import itertools
import math

import numpy as np
import pytest
from matplotlib.axes import Axes

from handful.reports.similarity_matrix import NUMBERED, closest_pairs, cosine_matrix, similar_order, similarity_figure

VECTORS = np.random.default_rng(0).normal(size=(6, 4))


def test_cosines_and_pairs_by_hand() -> None:
    matrix = cosine_matrix(VECTORS)
    pairs = closest_pairs(matrix)
    assert len(pairs) == 15
    for a, b, value in pairs:
        dot = sum(x * y for x, y in zip(VECTORS[a], VECTORS[b], strict=True))
        lengths = math.sqrt(sum(x * x for x in VECTORS[a]) * sum(y * y for y in VECTORS[b]))
        assert value == pytest.approx(dot / lengths)
        assert a < b
    assert [value for *_, value in pairs] == sorted((value for *_, value in pairs), reverse=True)
    assert {(a, b) for a, b, _ in pairs} == set(itertools.combinations(range(6), 2))


def test_classes_alike_stand_side_by_side() -> None:
    angles = np.array([0.0, 2.0, 0.1, 2.1, 0.2, 2.2])
    order = similar_order(cosine_matrix(np.stack([np.cos(angles), np.sin(angles)], axis=1)))
    assert {frozenset(order[:3]), frozenset(order[3:])} == {frozenset({0, 2, 4}), frozenset({1, 3, 5})}
    assert similar_order(np.eye(2)) == [0, 1]


@pytest.mark.parametrize("k", [2, 6, NUMBERED + 1])
def test_the_picture_shows_every_pair_under_its_names(k: int) -> None:
    matrix = cosine_matrix(np.random.default_rng(1).normal(size=(k, 5)))
    names = [f"class {i}" for i in range(k)]
    axes = similarity_figure(matrix, names).axes[0]
    assert isinstance(axes, Axes)
    rows, columns = ([t.get_text() for t in ticks] for ticks in (axes.get_yticklabels(), axes.get_xticklabels()))
    assert rows == columns
    assert sorted(rows) == sorted(names)
    values = axes.images[0].get_array()
    assert values is not None
    shown = np.ma.getdata(values)
    order = [names.index(name) for name in rows]
    np.testing.assert_array_equal(shown[~np.eye(k, dtype=bool)], matrix[np.ix_(order, order)][~np.eye(k, dtype=bool)])
    assert np.isnan(np.diag(shown)).all()
    assert len(axes.texts) == (k * (k - 1) if k <= NUMBERED else 0)
