import math

import pytest
import torch

from handful.core.tensors import Output
from handful.parts.losses.positive_class import build
from tests.parts.losses.examples import MIXED, ONE_HOT, example, probabilities, smoothed
from tests.support.datasets import context


def by_hand(logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> list[float]:
    values = []
    for p, l in zip(probabilities(logits), smoothed(targets, smoothing), strict=True):  # noqa: E741
        if not any(l):
            values.append(0.0)
            continue
        dot = sum(a * b for a, b in zip(l, p, strict=True))
        cosine = dot / math.sqrt(sum(a * a for a in l)) / math.sqrt(sum(b * b for b in p))
        values.append(-sum(a * math.log(b) for a, b in zip(l, p, strict=True)) + 1 - cosine)
    return values


@pytest.mark.parametrize("kind", [ONE_HOT, MIXED])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_equation_5_by_hand(kind: str, smoothing: float) -> None:
    output, batch = example(kind)
    expected = by_hand(output.logits, batch.targets, smoothing)
    assert build(context(), smoothing=smoothing)(output, batch).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", [ONE_HOT, MIXED])
def test_equals_torchs_losses(kind: str) -> None:
    output, batch = example(kind)
    same = torch.ones(len(batch.labels))
    cosine = torch.nn.CosineEmbeddingLoss(reduction="none")(output.logits.softmax(dim=1), batch.targets, same)
    expected = torch.nn.CrossEntropyLoss(reduction="none")(output.logits, batch.targets) + cosine
    torch.testing.assert_close(build(context())(output, batch)[:-1], expected[:-1])


def test_a_right_and_sure_prediction_costs_nothing_and_a_wrong_one_both_parts() -> None:
    _, batch = example(ONE_HOT)
    for sign, expected in ((1, 0.0), (-1, 1.0)):
        logits = sign * 1000.0 * batch.targets[:-1]
        own = Output(logits, logits, logits)
        kept = type(batch)(batch.images[:-1], batch.labels[:-1], batch.targets[:-1], batch.pixel_labels[:-1])
        cross = torch.nn.functional.cross_entropy(logits, kept.labels, reduction="none")
        torch.testing.assert_close(build(context())(own, kept) - cross, torch.full((5,), expected))


def test_gradient_equals_the_numerical_one() -> None:
    output, batch = example(MIXED)
    loss = build(context(), smoothing=0.1)
    exact = type(batch)(batch.images, batch.labels, batch.targets.double(), batch.pixel_labels)

    def values(logits: torch.Tensor) -> torch.Tensor:
        return loss(Output(logits, logits, logits), exact)

    assert torch.autograd.gradcheck(values, (output.logits.detach().double().requires_grad_(),))
