"""Losses for unequal classes against slow oracles and other libraries, on hard and on mixed targets."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

from handful.core.context import Task
from handful.core.recipe import Part
from handful.core.tensors import LabelEmbedding
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.losses._priors import class_weights, effective_number
from handful.parts.losses.ldam import LDAM
from tests.parts.losses.made import MIXED, ONE_HOT, made
from tests.support.datasets import context

COUNTS = np.array([40, 16, 5, 1])
K = len(COUNTS)
BOTH = pytest.mark.parametrize("kind", [ONE_HOT, MIXED])


def build(name: str, options: Mapping[str, Any] | None = None, *, labels: LabelEmbedding | None = None) -> Any:
    given = replace(context(), task=Task(("a", "b", "c", "d"), COUNTS), labels=labels or LabelEmbedding(torch.eye(K)))
    return registry.build("losses", Part(name, options or {}), given)


def mixture(of_class: list[list[float]], targets: torch.Tensor) -> torch.Tensor:
    """Each image's mixture of what its classes would cost."""
    found = [
        sum(t * c for t, c in zip(row, costs, strict=True))
        for row, costs in zip(targets.tolist(), of_class, strict=True)
    ]
    return torch.tensor(found, dtype=torch.float32)


def rows(logits: torch.Tensor) -> list[list[float]]:
    found: list[list[float]] = logits.detach().double().tolist()
    return found


def softmax_cost(scores: list[float], label: int) -> float:
    return math.log(sum(math.exp(s) for s in scores)) - scores[label]


def test_the_effective_number_is_the_sum_it_stands_for() -> None:
    for beta in (0.0, 0.5, 0.9, 0.9999):
        wanted = [sum(beta**i for i in range(n)) for n in COUNTS]
        torch.testing.assert_close(effective_number(COUNTS, beta), torch.tensor(wanted).float())
    assert effective_number(np.array([10**6]), 0.999).item() == pytest.approx(1000)


@pytest.mark.parametrize("kind", ["none", "inverse", "effective"])
def test_weights_are_one_on_average_over_the_training_images(kind: Any) -> None:
    weights = class_weights(COUNTS, kind, 0.9).double().numpy()
    assert (weights @ COUNTS) / COUNTS.sum() == pytest.approx(1)
    ratio = {"none": 1.0, "inverse": 40.0, "effective": (1 - 0.9**40) / (1 - 0.9)}[kind]
    assert weights[3] / weights[0] == pytest.approx(ratio, rel=1e-5)


@BOTH
@pytest.mark.parametrize("options", [{}, {"reweight": "inverse"}, {"reweight": "effective", "beta": 0.9}])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_weighted_cross_entropy_is_pytorchs(kind: str, options: dict[str, Any], smoothing: float) -> None:
    output, batch = made(kind)
    weights = class_weights(COUNTS, options.get("reweight", "none"), 0.9)
    found = build("cross_entropy", {**options, "smoothing": smoothing})(output, batch)
    wanted = F.cross_entropy(
        output.logits[:-1], batch.targets[:-1], weight=weights, reduction="none", label_smoothing=smoothing
    )
    torch.testing.assert_close(found[:-1], wanted)
    if kind == ONE_HOT:
        hard = F.cross_entropy(
            output.logits, batch.labels, weight=weights, reduction="none", ignore_index=-1, label_smoothing=smoothing
        )
        torch.testing.assert_close(found, hard)


@BOTH
def test_balanced_softmax_shares_out_by_the_counts(kind: str) -> None:
    output, batch = made(kind)
    costs = []
    for row in rows(output.logits):
        share = [n * math.exp(s) for n, s in zip(COUNTS, row, strict=True)]
        costs.append([-math.log(x / sum(share)) for x in share])
    found = build("balanced_softmax")(output, batch)
    torch.testing.assert_close(found, mixture(costs, batch.targets))
    torch.testing.assert_close(found, build("logit_adjustment")(output, batch))


@BOTH
@pytest.mark.parametrize("tau", [0.0, 0.5, 2.0])
def test_logit_adjustment_raises_the_prior_to_tau(kind: str, tau: float) -> None:
    output, batch = made(kind)
    priors = COUNTS / COUNTS.sum()
    costs = []
    for row in rows(output.logits):
        shifted = [s + tau * math.log(p) for s, p in zip(row, priors, strict=True)]
        costs.append([softmax_cost(shifted, c) for c in range(K)])
    found = build("logit_adjustment", {"tau": tau})(output, batch)
    torch.testing.assert_close(found, mixture(costs, batch.targets))
    if tau == 0:
        torch.testing.assert_close(found, build("cross_entropy")(output, batch))


def test_at_the_adjusted_optimum_plain_logits_are_those_of_balanced_classes() -> None:
    """Features that say nothing: cross-entropy learns the prior, the adjusted loss learns that nothing is known."""
    logits = torch.zeros(K, requires_grad=True)
    labels = torch.from_numpy(np.repeat(np.arange(K), COUNTS))
    output, batch = made(ONE_HOT, n=len(labels))
    batch = replace(batch, labels=labels, targets=torch.eye(K)[labels])
    loss, step = build("balanced_softmax"), torch.optim.LBFGS([logits], max_iter=200)

    def closure() -> torch.Tensor:
        step.zero_grad()
        value: torch.Tensor = loss(replace(output, logits=logits.expand(len(labels), K)), batch).mean()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.no_grad():
        logits += torch.tensor([1.0, -2.0, 0.5, 3.0])
    step.step(closure)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(logits.softmax(dim=0), torch.full((K,), 1 / K), atol=1e-3, rtol=0)


@BOTH
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_ldam_takes_the_margin_off_the_label(kind: str, scale: float) -> None:
    output, batch = made(kind)
    margins = [0.5 * (1 / n) ** 0.25 for n in COUNTS.tolist()]  # the rarest class has one image
    costs = [
        [softmax_cost([s - scale * margins[c] * (j == c) for j, s in enumerate(row)], c) for c in range(K)]
        for row in rows(output.logits)
    ]
    found = build("ldam", {"scale": scale})(output, batch)
    torch.testing.assert_close(found, mixture(costs, batch.targets), rtol=1e-4, atol=1e-5)
    weights = class_weights(COUNTS, "effective", 0.9)
    again = build("ldam", {"scale": scale, "reweight": "effective", "beta": 0.9})(output, batch)
    torch.testing.assert_close(again, mixture(costs, batch.targets * weights), rtol=1e-4, atol=1e-5)


def test_ldam_follows_the_temperature_of_cosine_labels() -> None:
    soft = LabelEmbedding(torch.eye(K), similarity="cosine", temperature=0.05)
    loss = build("ldam", {"max_margin": 0.3}, labels=soft)
    assert isinstance(loss, LDAM)
    assert loss.margins.max().item() == pytest.approx(0.3 / 0.05)
    assert build("ldam").margins.max().item() == pytest.approx(0.5)
    ratio = loss.margins[0] / loss.margins[1]
    assert ratio.item() == pytest.approx((16 / 40) ** 0.25)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_class_balanced_focal_is_torchvisions_times_the_weights(gamma: float) -> None:
    output, batch = made(ONE_HOT)
    weights = 1 / effective_number(COUNTS, 0.99)
    weights = weights * K / weights.sum()
    found = build("class_balanced_focal", {"beta": 0.99, "gamma": gamma})(output, batch)[:-1]
    focal = sigmoid_focal_loss(output.logits, batch.targets, alpha=-1, gamma=gamma, reduction="none").sum(dim=1)[:-1]
    torch.testing.assert_close(found, focal * weights[batch.labels[:-1]])


@BOTH
@pytest.mark.parametrize("form", ["sigmoid", "softmax"])
def test_class_balanced_focal_by_hand(kind: str, form: str) -> None:
    output, batch = made(kind)
    weights = np.array([(1 - 0.9) / (1 - 0.9**n) for n in COUNTS])
    weights *= K / weights.sum()

    def cost(row: list[float], label: int) -> float:
        total = 0.0
        for j, s in enumerate(row):
            p = 1 / (1 + math.exp(-s if j == label else s))
            if form == "softmax":
                p = math.exp(-softmax_cost(row, label)) if j == label else 1.0
            total -= (1 - p) ** 1.5 * math.log(p)
        return float(weights[label]) * total

    costs = [[cost(row, c) for c in range(K)] for row in rows(output.logits)]
    found = build("class_balanced_focal", {"beta": 0.9, "gamma": 1.5, "form": form})(output, batch)
    torch.testing.assert_close(found, mixture(costs, batch.targets), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["sigmoid", "softmax"])
def test_focal_of_gamma_zero_and_alike_classes_is_cross_entropy(form: str) -> None:
    output, batch = made(MIXED)
    found = build("class_balanced_focal", {"beta": 0.0, "gamma": 0.0, "form": form})(output, batch)
    if form == "softmax":
        wanted = build("cross_entropy")(output, batch)
    else:
        binary = F.binary_cross_entropy_with_logits(output.logits, batch.targets, reduction="none")
        wanted = binary.sum(dim=1) * batch.targets.sum(dim=1)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cross_entropy", {"reweight": "inverse", "beta": 1.0}, r"beta must be in \[0, 1\)"),
        ("class_balanced_focal", {"beta": -0.1}, r"beta must be in \[0, 1\)"),
        ("class_balanced_focal", {"gamma": -1.0}, "gamma must be 0 or more"),
        ("ldam", {"max_margin": 0.0}, "max_margin must be above 0"),
        ("ldam", {"scale": -1.0}, "scale must be above 0"),
        ("logit_adjustment", {"tau": -1.0}, "tau must be 0 or more"),
    ],
)
def test_numbers_out_of_range_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build(name, options)
