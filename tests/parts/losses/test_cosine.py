import math
from dataclasses import replace

import pytest
import torch

from handful.core.tensors import LabelEmbedding
from handful.parts.losses import cosine
from tests.parts.losses.examples import MIXED, ONE_HOT, example
from tests.support.datasets import context


def by_hand(embedding: torch.Tensor, targets: torch.Tensor, vectors: torch.Tensor) -> list[float]:
    values = []
    for x, t in zip(embedding.tolist(), targets.tolist(), strict=True):
        total = 0.0
        for share, v in zip(t, vectors.tolist(), strict=True):
            dot = sum(a * b for a, b in zip(x, v, strict=True))
            total += share * (1 - dot / math.sqrt(sum(a * a for a in x) * sum(b * b for b in v)))
        values.append(total)
    return values


@pytest.mark.parametrize("kind", [ONE_HOT, MIXED])
@pytest.mark.parametrize("size", [2, 7])
def test_equals_the_formula_by_hand(kind: str, size: int) -> None:
    vectors = 3 * torch.randn((4, size), generator=torch.Generator().manual_seed(1))
    output, batch = example(kind)
    x = torch.randn((6, size), generator=torch.Generator().manual_seed(2))
    loss = cosine.build(replace(context(), labels=LabelEmbedding(vectors, "cosine")))
    found = loss(replace(output, embedding=x), batch)
    assert found.tolist() == pytest.approx(by_hand(x, batch.targets, vectors), rel=1e-5, abs=1e-6)


def test_at_its_class_vector_an_image_costs_nothing_and_opposite_two() -> None:
    vectors = torch.randn((4, 5), generator=torch.Generator().manual_seed(1))
    output, batch = example(ONE_HOT)
    own = 7 * batch.targets @ vectors
    loss = cosine.build(replace(context(), labels=LabelEmbedding(vectors, "cosine")))
    assert loss(replace(output, embedding=own), batch).tolist() == pytest.approx([0] * 6, abs=1e-6)
    assert loss(replace(output, embedding=-own), batch).tolist() == pytest.approx([2] * 5 + [0], abs=1e-6)
    assert not loss.state_dict()  # the vectors are saved with the labels
