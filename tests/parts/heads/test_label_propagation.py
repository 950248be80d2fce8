from typing import Any

import numpy as np
import pytest
import torch
from sklearn.semi_supervised import LabelSpreading

from handful.parts.heads._propagation import LabelPropagation, graph, normalized, propagate
from tests.parts.heads.fitted_heads import PLAIN, K, assert_refused, blobs, build_fitted


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


def test_an_image_with_candidates_never_has_a_share_of_another_class() -> None:
    x, y = blobs(20, spread=2.0)
    few, among = torch.where(torch.arange(60) < 6, y, -1), torch.zeros(60, K)
    among[30:] = torch.eye(K)[y[30:]] + torch.eye(K)[(y[30:] + 1) % K]
    targets = torch.eye(K)[y] * (few >= 0)[:, None]
    head = build_fitted("label_propagation", {**PLAIN, "neighbors": 5})
    assert isinstance(head, LabelPropagation)
    head.fit_candidates(x[:, None], few, targets=targets, candidates=among, seed=0)
    values = head._buffer("values").numpy()
    assert (values[30:][among[30:].numpy() == 0] == 0).all()
    np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-5)
    edges, seeds = (
        normalized(graph(x.numpy(), None, neighbors=5, power=3.0)).toarray(),
        targets.numpy() + among.numpy() / 2,
    )
    shares = np.zeros((60, K))
    for _ in range(200):  # a slow loop over images
        before = shares.copy()
        for i in range(60):
            shares[i] = 0.8 * sum(edges[i, j] * before[j] for j in np.flatnonzero(edges[i])) + 0.2 * seeds[i]
            shares[i] *= (among[i].numpy() > 0) if among[i].any() else 1
    np.testing.assert_allclose(values, shares / shares.sum(axis=1, keepdims=True), atol=1e-3)


def test_without_candidates_shares_are_those_of_labels() -> None:
    x, y = blobs(20, spread=2.0)
    few = torch.where(torch.arange(60) < 6, y, -1)
    plain, same = (build_fitted("label_propagation", {}) for _ in range(2))
    assert isinstance(same, LabelPropagation)
    plain.fit(x[:, None], few, seed=0)
    targets = torch.eye(K)[y] * (few >= 0)[:, None]
    same.fit_candidates(x[:, None], few, targets=targets, candidates=torch.zeros(60, K), seed=0)
    np.testing.assert_allclose(same._buffer("values").numpy(), plain._buffer("values").numpy(), atol=1e-3)
    assert float(same.temperature) == pytest.approx(float(plain.temperature), rel=1e-2)
    assert torch.equal(same.mean, plain.mean)


@pytest.mark.parametrize("options", [{"spread": 1}, {"neighbors": 0.5}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("label_propagation", options)
