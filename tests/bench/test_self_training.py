"""The row that is nobody's run: the mean of two."""

import numpy as np
import pytest
from bench.tables.self_training import together

from handful.core.result import Result, Run
from tests.support import datasets


def run(draw: int, *rows: tuple[float, float]) -> Run:
    ids = tuple(f"i{n}" for n in range(len(rows)))
    return Run(draw, None, draw, ("t",), ids, np.zeros(len(rows), dtype=np.int64), np.array(rows), 1.0)


def test_probabilities_are_averaged_run_by_run() -> None:
    first = Result(datasets.recipe(), ("a", "b"), (run(0, (0.9, 0.1)), run(1, (0.2, 0.8))))
    second = Result(datasets.recipe(), ("a", "b"), (run(0, (0.5, 0.5)), run(1, (1.0, 0.0))))
    found = together((first, second), name="both")
    assert found.recipe.name == "both"
    assert np.allclose([r.probabilities for r in found.runs], [[[0.7, 0.3]], [[0.6, 0.4]]])
    assert [r.draw for r in found.runs] == [0, 1]


def test_only_what_was_scored_on_the_same_images() -> None:
    one, other = (Result(datasets.recipe(), ("a", "b"), (run(draw, (0.9, 0.1)),)) for draw in (0, 1))
    with pytest.raises(AssertionError):
        together((one, other), name="both")
