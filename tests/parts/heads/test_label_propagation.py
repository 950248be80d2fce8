from typing import Any

import numpy as np
import pytest
import torch
from sklearn.semi_supervised import LabelSpreading

from handful.parts.heads._propagation import graph, normalized, propagate
from tests.parts.heads.fitted_heads import PLAIN, assert_refused, build_fitted


def test_labels_spread_along_a_chain_that_its_ends_name() -> None:
    angles = torch.linspace(0, 1.2, 30)
    near = torch.stack([angles.cos(), angles.sin(), torch.zeros(30)], dim=1)
    far = torch.stack([torch.zeros(30), angles.sin() + 0.3, angles.cos()], dim=1)  # another chain, elsewhere
    third = torch.tensor([[-1.0, 0, 0], [-1, 0.1, 0]])
    x, y = torch.cat([near, far, third]), torch.full((62,), -1)
    y[0], y[59], y[60] = 0, 1, 2
    options = {**PLAIN, "neighbors": 3, "spread": 0.9, "power": 1.0}
    head = build_fitted("label_propagation", options, channels=3)
    head.fit(x[:, None], y, seed=0)
    assert (head.output(near[:28]).logits.argmax(dim=1) == 0).all()
    assert (head.output(far[2:]).logits.argmax(dim=1) == 1).all()


def test_propagation_from_labels_is_scikit_learns_and_any_seeds_add_up() -> None:
    x = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
    y = np.full(40, -1)
    y[:6] = [0, 1, 2, 0, 1, 2]
    edges = graph(x, None, neighbors=3, power=2.0)
    oracle = LabelSpreading(kernel=lambda *_: edges, alpha=0.7, max_iter=1000, tol=1e-4).fit(x, y)
    one, other = np.zeros((40, 3)), np.random.default_rng(1).random((40, 3))
    one[np.arange(6), y[:6]] = 1
    shares = propagate(normalized(edges), one, spread=0.7)
    np.testing.assert_allclose(shares, oracle.label_distributions_, atol=1e-4)
    system = np.eye(40) - 0.7 * normalized(edges).toarray()
    for seeds in (one, one + other):
        solved = np.linalg.solve(system, seeds)
        expected = solved / solved.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(propagate(normalized(edges), seeds, spread=0.7, tolerance=1e-9), expected, atol=1e-6)


@pytest.mark.parametrize("options", [{"spread": 1}, {"neighbors": 0.5}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("label_propagation", options)
