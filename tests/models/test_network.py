from dataclasses import replace

import pytest
import torch

from handful.core.recipe import Part
from handful.core.tensors import LabelEmbedding
from handful.models.network import COLDEST, ClassSimilarity
from handful.training.train import train
from tests.support.datasets import recipe, squares

VECTORS = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
LEARNT = Part("random_embeddings", {"temperature": 0.5, "learn_temperature": True})


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 2, 3)])
def test_a_learnt_temperature_starts_as_the_fixed_one(similarity: str, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    fixed = LabelEmbedding(VECTORS, similarity, 0.2)  # type: ignore[arg-type]
    plain, learnt = ClassSimilarity(fixed), ClassSimilarity(replace(fixed, learn_temperature=True))
    torch.testing.assert_close(plain(x), fixed.logits(x))
    torch.testing.assert_close(learnt(x), fixed.logits(x))
    assert not list(plain.parameters())
    assert list(plain.state_dict()) == []  # the vectors are saved with the labels
    assert list(learnt.state_dict()) == ["log_scale"]


def test_a_learnt_temperature_stays_above_the_coldest() -> None:
    comparison = ClassSimilarity(LabelEmbedding(VECTORS, "cosine", 1.0, learn_temperature=True))
    with torch.no_grad():
        comparison.get_parameter("log_scale").add_(50)
    assert comparison(VECTORS).diagonal().tolist() == pytest.approx([1 / COLDEST] * 3, rel=1e-4)


def test_training_learns_the_temperature_unless_the_stage_leaves_it_out() -> None:
    plan = replace(recipe("linear", "steps=3"), labels=LEARNT)
    start = -torch.tensor(0.5).log()
    learnt = train(plan, squares(), progress=False).network.get_parameter("compare.log_scale")
    assert float(learnt) != float(start)
    stage = replace(plan.stages[0], trainable=("head",))
    kept = train(replace(plan, stages=(stage,)), squares(), progress=False).network.get_parameter("compare.log_scale")
    assert float(kept) == float(start)
