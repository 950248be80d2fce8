"""Logistic and ridge regression on images with several candidate classes in place of a label."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from handful.core.recipe import Part
from handful.core.tensors import Backbone
from handful.parts import registry
from handful.parts.heads._candidates import regression_on_candidates
from handful.parts.heads._regression import regression
from handful.parts.heads.ridge import ROUNDS, SHARING
from tests.support.datasets import context

K, C, N = 3, 5, 30


def features(n: int = N, classes: int = K) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(n) % classes
    noise = np.random.default_rng(0).normal(size=(n, C))
    return (noise + 2 * np.eye(C)[y]).astype(np.float32), y


def rows(y: np.ndarray, classes: int = K) -> np.ndarray:
    return np.asarray(np.eye(classes, dtype=np.float32)[y])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("n", [4, 30])
def test_without_candidates_it_is_the_regression_on_labels(classes: int, n: int) -> None:
    x, y = features(n, classes)
    for strength in (0.1, 1.0):
        weight, bias = regression_on_candidates(x, rows(y, classes), np.zeros_like(rows(y, classes)), strength)
        other, offset = regression(x, y, strength)
        np.testing.assert_allclose(weight, other, atol=2e-3)
        np.testing.assert_allclose(bias - bias.mean(), offset - offset.mean(), atol=2e-3)


def test_a_single_candidate_is_a_label() -> None:
    x, y = features()
    first = (np.arange(N) < 15)[:, None]
    found = regression_on_candidates(x, rows(y) * first, rows(y) * ~first, 1.0)
    other = regression_on_candidates(x, rows(y), np.zeros_like(rows(y)), 1.0)
    for one, two in zip(found, other, strict=True):
        np.testing.assert_allclose(one, two, atol=5e-3)


def test_it_is_the_minimum_that_a_slow_loop_finds() -> None:
    x, y = features()
    labelled = np.arange(N) < 12
    weights = np.where(np.arange(N) % 2 == 0, 1.0, 0.5)
    sets = np.ones((N, K), dtype=bool)
    sets[np.arange(N), (y + 1) % K] = False  # the class, and one that it is not

    def loss(flat: np.ndarray) -> float:
        w = flat.reshape(K, C + 1)
        total = 0.0
        for i in range(N):
            scores = np.exp(w[:, :-1] @ x[i] + w[:, -1])
            p = scores / scores.sum()
            total -= weights[i] * np.log(p[y[i]] if labelled[i] else p[sets[i]].sum())
        return float(total + (w[:, :-1] ** 2).sum() / 2)

    targets = (rows(y) * (labelled * weights)[:, None]).astype(np.float32)
    among = (sets * (~labelled * weights)[:, None]).astype(np.float32)
    weight, bias = regression_on_candidates(x, targets, among, 1.0)
    found = np.concatenate([weight, bias[:, None]], axis=1).ravel()
    best = minimize(loss, found, options={"gtol": 1e-6})
    assert loss(found) == pytest.approx(best.fun, abs=1e-3)


def head(name: str) -> Any:
    transform = {"center": False, "l2": False}
    return registry.build("heads", Part(name, transform), context(), backbone=Backbone(torch.nn.Identity(), C, 1))


@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_takes_a_single_candidate_for_a_label_and_none_for_none(*, weighted: bool) -> None:
    x, y = features()
    weights = np.linspace(0.5, 2, N, dtype=np.float32)[:, None] if weighted else np.ones((N, 1), np.float32)
    first, known = (np.arange(N) < 15)[:, None], rows(y) * weights
    wanted = head("ridge").learn(x, known, strength=1.0)
    for targets, among in ((known * first, known * ~first), (known, np.zeros_like(known))):
        found = head("ridge").learn_candidates(x, targets, among, strength=1.0)
        for name in ("weight", "bias"):
            np.testing.assert_allclose(found[name], wanted[name], atol=1e-4)


def test_ridge_shares_an_image_among_its_candidates_as_the_round_before_says() -> None:
    x, y = features()
    first = (np.arange(N) < 15)[:, None]
    among = (rows(y) + rows((y + 1) % K)) * ~first
    learned = head("ridge").learn(x[:15], rows(y)[:15], strength=1.0)
    for _ in range(ROUNDS):
        targets = rows(y).copy()
        for i in range(15, N):
            scores = (learned["weight"] @ x[i] + learned["bias"]) / SHARING
            shares = np.exp(scores) * among[i]
            targets[i] = shares / shares.sum()
        learned = head("ridge").learn(x, targets, strength=1.0)
    found = head("ridge").learn_candidates(x, rows(y) * first, among.astype(np.float32), strength=1.0)
    np.testing.assert_allclose(found["weight"], learned["weight"], atol=1e-4)


@pytest.mark.parametrize("name", ["logistic", "ridge"])
def test_candidates_help_the_head_to_tell_classes_apart(name: str) -> None:
    x, y = features(90)
    rng = np.random.default_rng(1)
    labels = np.where(np.arange(90) < 6, y, -1)
    among = (rows((y + rng.integers(1, K, 90)) % K) + rows(y)) * (labels < 0)[:, None]
    views, few = torch.from_numpy(x)[:, None], torch.from_numpy(labels)
    targets = torch.from_numpy(rows(y) * (labels >= 0)[:, None])
    ours, plain = head(name), head(name)
    ours.fit_candidates(views, few, targets=targets, candidates=torch.from_numpy(among).float(), seed=0)
    plain.fit(views[:6], few[:6], seed=0)
    right = [(one.output(views[:, 0]).logits.argmax(1).numpy() == y)[6:].mean() for one in (ours, plain)]
    assert right[0] > right[1] + 0.02
    assert ours.strength.item() in [pytest.approx(strength) for strength in ours.strengths]
    again = head(name)
    again.fit_candidates(views, few, targets=targets, candidates=torch.from_numpy(among).float(), seed=0)
    assert torch.equal(again.weight, ours.weight)
