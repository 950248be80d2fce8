import math
from dataclasses import replace

import pytest
import torch

from handful.core.hierarchy import Hierarchy
from handful.parts.losses.tree_supervision import build, path_matrix
from tests.parts.losses.examples import MIXED, ONE_HOT, example, probabilities, smoothed
from tests.support.datasets import context

# 0 and 1 meet early, 3 hangs from the root: paths of different lengths.
TREE = Hierarchy((4, 4, 5, 6, 5, 6, -1), ("a", "b", "c", "d", "ab", "abc", "all"))


def by_hand(weights: torch.Tensor, bias: torch.Tensor, x: torch.Tensor, tree: Hierarchy) -> list[float]:
    """Equation 7's score of each class for one image: node weights are means over the leaves below."""
    k = len(weights)

    def below(node: int) -> list[int]:
        return [node] if node < k else [leaf for child in tree.children(node) for leaf in below(child)]

    scores = []
    for i in range(k):
        score, node = 0.0, i
        while node != -1:
            leaves = below(node)
            w = [sum(float(weights[leaf, d]) for leaf in leaves) / len(leaves) for d in range(len(x))]
            b = sum(float(bias[leaf]) for leaf in leaves) / len(leaves)
            score += sum(a * float(c) for a, c in zip(w, x, strict=True)) + b
            node = tree.parents[node]
        scores.append(score)
    return scores


@pytest.mark.parametrize("kind", [ONE_HOT, MIXED])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_equation_7_by_hand_for_a_linear_classifier(kind: str, smoothing: float) -> None:
    output, batch = example(kind)
    g = torch.Generator().manual_seed(3)
    weight, bias = torch.randn((4, 5), generator=g), torch.randn(4, generator=g)
    features = output.features.detach()
    scores = torch.tensor([by_hand(weight, bias, x, TREE) for x in features])
    expected = []
    for p, t in zip(probabilities(scores), smoothed(batch.targets, smoothing), strict=True):
        expected.append(-sum(a * math.log(b) for a, b in zip(t, p, strict=True)))
    loss = build(replace(context(), hierarchy=TREE), smoothing=smoothing)
    values = loss(replace(output, logits=features @ weight.T + bias), batch)
    assert values.tolist() == pytest.approx(expected, rel=1e-4)


def test_the_root_changes_nothing_and_a_flat_tree_is_cross_entropy() -> None:
    output, batch = example(ONE_HOT)
    flat = Hierarchy((4, 4, 4, 4, -1), ("a", "b", "c", "d", "all"))
    torch.testing.assert_close(path_matrix(flat), torch.eye(4) + 0.25)
    values = build(replace(context(), hierarchy=flat))(output, batch)
    expected = torch.nn.functional.cross_entropy(output.logits[:-1], batch.labels[:-1], reduction="none")
    torch.testing.assert_close(values[:-1], expected)


def test_relatives_share_their_scores() -> None:
    matrix = path_matrix(TREE)
    assert torch.equal(matrix, matrix.T)
    assert matrix[0, 1] > matrix[0, 2] > matrix[0, 3]


def test_the_matrix_moves_with_the_loss_and_is_not_saved() -> None:
    loss = build(replace(context(), hierarchy=TREE))
    assert dict(loss.named_buffers()).keys() == {"paths"}
    assert not loss.state_dict()
