import math
from dataclasses import replace

import pytest
import torch

from handful.core.hierarchy import Hierarchy
from handful.parts.losses import tree_supervision
from handful.parts.losses.soft_decision_tree import build
from tests.parts.losses.examples import MIXED, ONE_HOT, example, smoothed
from tests.parts.losses.test_tree_supervision import TREE
from tests.support.datasets import context


def by_hand(logits: list[float], tree: Hierarchy) -> list[float]:
    """Probability of each class: the product of softmaxes over siblings, walking up from its leaf."""
    k = len(logits)

    def below(node: int) -> list[int]:
        return [node] if node < k else [leaf for child in tree.children(node) for leaf in below(child)]

    def score(node: int) -> float:
        return math.exp(sum(logits[leaf] for leaf in below(node)) / len(below(node)))

    found = []
    for leaf in range(k):
        product = 1.0
        for node in tree.path(leaf)[:-1]:
            product *= score(node) / sum(score(other) for other in tree.children(tree.parents[node]))
        found.append(product)
    return found


@pytest.mark.parametrize("kind", [ONE_HOT, MIXED])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_the_product_of_decisions_by_hand(kind: str, smoothing: float) -> None:
    output, batch = example(kind)
    values = build(replace(context(), hierarchy=TREE), smoothing=smoothing)(output, batch)
    expected = []
    for logits, t in zip(output.logits.tolist(), smoothed(batch.targets, smoothing), strict=True):
        expected.append(-sum(a * math.log(b) for a, b in zip(t, by_hand(logits, TREE), strict=True)))
    assert values.tolist() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_a_flat_tree_is_cross_entropy() -> None:
    output, batch = example(ONE_HOT)
    flat = Hierarchy((4, 4, 4, 4, -1), ("a", "b", "c", "d", "all"))
    values = build(replace(context(), hierarchy=flat))(output, batch)
    expected = torch.nn.functional.cross_entropy(output.logits[:-1], batch.labels[:-1], reduction="none")
    torch.testing.assert_close(values[:-1], expected)


def test_it_is_another_loss_than_equation_7() -> None:
    output, batch = example(ONE_HOT)
    given = replace(context(), hierarchy=TREE)
    own, other = build(given)(output, batch), tree_supervision.build(given)(output, batch)
    assert not torch.allclose(own, other, atol=0.01)


def test_probabilities_sum_to_one_for_large_logits_too() -> None:
    loss = build(replace(context(), hierarchy=TREE))
    logits = torch.tensor([[300.0, -300.0, 0.0, 5.0], [-1e4, 1e4, 0.0, 0.0]])
    found = loss.log_probabilities(logits)
    torch.testing.assert_close(found.exp().sum(dim=1), torch.ones(2))
    assert torch.isfinite(found).all()


def test_its_buffers_move_with_it_and_are_not_saved() -> None:
    assert not build(replace(context(), hierarchy=TREE)).state_dict()
