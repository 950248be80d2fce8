"""LDR-KL against its closed form and its limits, and the temperatures of ALDR-KL."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from handful.core.tensors import Batch, Output
from handful.parts.losses.label_distributional_robust import LabelDistributionalRobust, build
from tests.support.datasets import context

LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)) * 3
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
BATCH = Batch(torch.zeros(6, 3, 2, 2), LABELS, torch.eye(3)[LABELS], torch.full((6, 2, 2), -1), torch.arange(6))
OUTPUT = Output(LOGITS, LOGITS, LOGITS)


def loss(**options: float | bool) -> LabelDistributionalRobust:
    return build(replace(context(), images=8), **options)  # type: ignore[arg-type]


def margins(logits: torch.Tensor, margin: float) -> torch.Tensor:
    return logits - logits.gather(1, LABELS[:, None]) + margin * (1 - torch.eye(3)[LABELS])


def test_it_is_the_largest_mean_margin_less_the_divergence_from_uniform() -> None:
    values = loss(temperature=2.0, margin=0.3, normalize=False)(OUTPUT, BATCH)
    d = margins(LOGITS, 0.3)

    def objective(p: torch.Tensor) -> torch.Tensor:
        return (p * d).sum(dim=1) - 2 * (p * (3 * p).log()).sum(dim=1)

    torch.testing.assert_close(values, objective((d / 2).softmax(dim=1)))
    others = torch.rand(50, 6, 3, generator=torch.Generator().manual_seed(1)) + 1e-3
    assert all((objective(p / p.sum(dim=1, keepdim=True)) <= values + 1e-5).all() for p in others)


def test_at_1_without_a_margin_it_is_cross_entropy_less_the_logarithm_of_the_classes() -> None:
    values = loss(temperature=1.0, margin=0.0, normalize=False)(OUTPUT, BATCH)
    torch.testing.assert_close(values, F.cross_entropy(LOGITS, LABELS, reduction="none") - math.log(3))


def test_its_limits_are_the_hinge_loss_and_the_symmetric_mean() -> None:
    d = margins(LOGITS, 0.5)
    hinge = loss(temperature=1e-3, margin=0.5, normalize=False)(OUTPUT, BATCH)
    torch.testing.assert_close(hinge, d.max(dim=1).values, atol=5e-3, rtol=0)
    mean = loss(temperature=1e4, margin=0.5, normalize=False)(OUTPUT, BATCH)
    torch.testing.assert_close(mean, d.mean(dim=1), atol=2e-2, rtol=0)


def test_normalized_logits_make_it_blind_to_their_scale() -> None:
    twice = replace(OUTPUT, logits=LOGITS * 2)
    torch.testing.assert_close(loss()(OUTPUT, BATCH), loss()(twice, BATCH))
    assert not torch.allclose(loss(normalize=False)(OUTPUT, BATCH), loss(normalize=False)(twice, BATCH))


def test_an_image_of_a_sure_prediction_gets_a_lower_temperature_than_one_of_an_unsure_one() -> None:
    adaptive = loss(adaptive=True, temperature=1.0, alpha=2.0, normalize=False, margin=0.0)
    logits = torch.tensor([[9.0, 0.0, 0.0], [0.1, 0.0, 0.0], *LOGITS[2:].tolist()])
    adaptive(replace(OUTPUT, logits=logits), BATCH)
    sure, unsure = adaptive.temperatures[:2, 0].tolist()
    p = logits[0].softmax(0)
    assert sure == pytest.approx(1 - (p * (3 * p).log()).sum().item() / (2 * math.log(3)), rel=1e-4)
    assert 0.5 <= sure < 0.6 < 0.99 < unsure <= 1.0
    assert adaptive.temperatures[6:].tolist() == [[1.0], [1.0]]  # these images were not there


def test_the_closed_form_maximizes_the_objective_of_the_temperature() -> None:
    adaptive = loss(adaptive=True, temperature=1.0, alpha=2.0, normalize=False, margin=0.0)
    for _ in range(50):  # to the fixed point
        values = adaptive(OUTPUT, BATCH)
    d, best = margins(LOGITS, 0.0), adaptive.temperatures[:6]

    def objective(t: torch.Tensor) -> torch.Tensor:
        spread = t * ((d / t).logsumexp(dim=1, keepdim=True) - math.log(3))
        return (spread - math.log(3) * (t - 1).square())[:, 0]

    torch.testing.assert_close(values, objective(best))


def test_in_evaluation_mode_nothing_is_remembered_and_no_label_costs_nothing() -> None:
    adaptive = loss(adaptive=True).eval()
    without = replace(BATCH, labels=torch.full((6,), -1), targets=torch.zeros(6, 3))
    assert (adaptive(OUTPUT, without) == 0).all()
    assert (adaptive.temperatures == 1).all()
    assert len(loss().temperatures) == 0  # one temperature for all is no memory


@pytest.mark.parametrize(("option", "value"), [("temperature", 0.0), ("alpha", 0.5), ("margin", -1.0)])
def test_numbers_out_of_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        loss(**{option: value})
