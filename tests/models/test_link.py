"""Softmax and sigmoid as links from class scores to probabilities."""

import pytest
import torch
import torch.nn.functional as F

from handful.core.kind import Kind
from handful.models.link import link_of


def example() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn((6, 4), generator=generator)
    targets = (torch.rand((6, 4), generator=generator) < 0.4).float()
    known = torch.rand((6, 4), generator=generator) < 0.6
    return logits, targets, known


@pytest.mark.parametrize("kind", ["multiclass", "multilabel"])
def test_logits_of_probabilities_give_the_same_probabilities(kind: Kind) -> None:
    link, (logits, _, _) = link_of(kind), example()
    probabilities = link.probabilities(logits)
    torch.testing.assert_close(link.probabilities(link.logits(probabilities)), probabilities)


def test_the_softmax_link_is_pytorchs_to_the_last_bit() -> None:
    logits, targets, _ = example()
    link = link_of("multiclass")
    assert torch.equal(link.probabilities(logits), logits.softmax(dim=1))
    assert torch.equal(link.loss(logits, targets), -(targets * logits.log_softmax(dim=1)).sum(dim=1))


def test_the_loss_of_the_sigmoid_link_is_a_sum_over_the_known_entries() -> None:
    logits, targets, known = example()
    loss = link_of("multilabel").loss(logits, targets, known)
    for i in range(len(logits)):
        wanted = F.binary_cross_entropy_with_logits(logits[i, known[i]], targets[i, known[i]], reduction="sum")
        torch.testing.assert_close(loss[i], wanted)


def test_certain_probabilities_have_finite_logits() -> None:
    for kind in ("multiclass", "multilabel"):
        assert link_of(kind).logits(torch.tensor([[0.0, 1.0]])).isfinite().all()
