"""Logistic and ridge regression on class probabilities and weights of images."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax

from handful.core.recipe import Part
from handful.models.temperature_scaling import fit_temperature
from handful.parts import registry
from handful.parts.heads._soft_targets import LEAST, with_least
from tests.support.datasets import context

K, C = 3, 5


def features(n: int = 30) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % K
    return torch.randn((n, 1, C), generator=g) + 2 * torch.eye(C)[labels][:, None], labels


def head(name: str, **options: object) -> torch.nn.Module:
    from handful.core.tensors import Backbone

    backbone = Backbone(torch.nn.Identity(), C, 1)
    transform = {"center": False, "l2": False} | {k: options.pop(k) for k in ("center", "tukey") if k in options}
    return registry.build("heads", Part(name, {**options, **transform}), context(), backbone=backbone)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["logistic", "ridge"])
def test_targets_that_are_labels_give_what_labels_give(name: str) -> None:
    x, labels = features()
    hard, soft = head(name), head(name)
    hard.fit(x, labels, seed=0)  # type: ignore[operator]
    soft.fit(x, labels, seed=0, targets=torch.eye(K)[labels])  # type: ignore[operator]
    logits = [one.output(x[:, 0]).logits for one in (hard, soft)]  # type: ignore[operator]
    torch.testing.assert_close(*logits, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("name", ["logistic", "ridge"])
def test_a_weight_of_two_is_an_image_twice(name: str, center: bool) -> None:
    x, labels = features()
    options: dict[str, Any] = {"C": 1.0} if name == "logistic" else {"penalty": 1.0}
    options |= {"center": center, "tukey": 0.5}
    weights = torch.ones(len(x))
    weights[:3] = 2.0
    twice, heavy = head(name, **options), head(name, **options)
    twice.fit(torch.cat([x, x[:3]]), torch.cat([labels, labels[:3]]), seed=0)  # type: ignore[operator]
    heavy.fit(x, labels, seed=0, targets=torch.eye(K)[labels] * weights[:, None])  # type: ignore[operator]
    torch.testing.assert_close(twice.mean, heavy.mean, rtol=1e-5, atol=1e-6)
    for key in ("weight", "bias"):
        torch.testing.assert_close(getattr(twice, key), getattr(heavy, key), rtol=5e-3, atol=5e-3)


def test_an_image_of_no_weight_does_not_move_the_mean_and_equal_weights_change_nothing() -> None:
    x, labels = features()
    weights = torch.ones(len(x))
    weights[0] = 0.0
    plain, without, none, half = (head("logistic", C=1.0, center=True) for _ in range(4))
    plain.fit(x, labels, seed=0, targets=torch.eye(K)[labels])  # type: ignore[operator]
    without.fit(x[1:], labels[1:], seed=0)  # type: ignore[operator]
    none.fit(x, labels, seed=0, targets=torch.eye(K)[labels] * weights[:, None])  # type: ignore[operator]
    half.fit(x, labels, seed=0, targets=torch.eye(K)[labels] / 2)  # type: ignore[operator]
    assert torch.equal(plain.mean, x.mean(dim=(0, 1)))  # type: ignore[arg-type]
    torch.testing.assert_close(none.mean, without.mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(half.mean, plain.mean, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(none.mean, plain.mean, atol=1e-3)  # type: ignore[arg-type]


def test_logistic_minimizes_the_cross_entropy_with_the_probabilities() -> None:
    x, labels = features()
    targets = 0.7 * torch.eye(K)[labels] + 0.1
    one = head("logistic", C=2.0)
    one.fit(x, labels, seed=0, targets=targets)  # type: ignore[operator]
    flat, t = x[:, 0].double().numpy(), targets.double().numpy()

    def loss(values: np.ndarray) -> float:
        w, b = values[: K * C].reshape(K, C), values[K * C :]
        return float(-2.0 * (t * log_softmax(flat @ w.T + b, axis=1)).sum() + (w**2).sum() / 2)

    best = minimize(loss, np.zeros(K * C + K)).x
    torch.testing.assert_close(one.weight.double(), torch.from_numpy(best[: K * C].reshape(K, C)), rtol=0, atol=5e-3)


def test_every_label_has_some_target() -> None:
    rows = with_least(np.array([[0, 1, 0], [0, 0, 0]], np.float32), np.array([0, 2]))
    assert rows.tolist() == [[np.float32(LEAST), 1, 0], [0, 0, np.float32(LEAST)]]


def test_the_temperature_of_targets_is_that_of_labels_where_they_are_labels() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(20, K)), rng.integers(0, K, 20)
    hard = fit_temperature(scores, labels, bounds=(0.01, 100))
    assert fit_temperature(scores, np.eye(K)[labels], bounds=(0.01, 100)) == pytest.approx(hard)
