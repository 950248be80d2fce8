"""Learnt prototypes against the paper's formulas, and a network that learns some."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from handful.core.recipe import Part
from handful.core.tensors import Backbone, Output
from handful.errors import RecipeError
from handful.parts.heads import prototypes
from handful.parts.heads.prototypes import Prototypes
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import context, recipe, squares

BACKBONE = Backbone(nn.Identity(), 16, 4)
LOSSES = 'stages=[{steps=40, losses=["gcpl"], optimizer={lr=0.05}}]'


def head(**options: Any) -> Prototypes:
    torch.manual_seed(0)
    made = prototypes.build(context(), backbone=BACKBONE, **options)
    assert isinstance(made, Prototypes)
    return made


def run(made: Prototypes) -> Output:
    x = torch.randn((5, 16, 3, 4), generator=torch.Generator().manual_seed(0))
    output = made(x, size=(12, 16), compare=context().labels.logits)
    assert isinstance(output, Output)
    return output


@pytest.mark.parametrize(("per_class", "gamma"), [(1, 1.0), (3, 0.3)])
def test_probabilities_are_the_papers_in_training_and_the_nearest_wins_after_it(per_class: int, gamma: float) -> None:
    made = head(per_class=per_class, gamma=gamma, norm="none")
    output = run(made.train())
    assert output.distances is not None
    assert torch.equal(output.embedding, output.features)
    logits = run(made.eval()).logits
    for i, f in enumerate(output.embedding.tolist()):
        apart = [
            [sum((a - b) ** 2 for a, b in zip(f, m, strict=True)) for m in own] for own in made.prototypes.tolist()
        ]
        powers = [sum(math.exp(-gamma * d) for d in own) for own in apart]
        assert output.logits[i].softmax(dim=0).tolist() == pytest.approx([p / sum(powers) for p in powers], rel=1e-4)
        assert output.distances[i].tolist() == pytest.approx([min(own) for own in apart], rel=1e-4)
        assert logits[i].tolist() == pytest.approx([-gamma * min(own) for own in apart], rel=1e-4)


def test_a_linear_layer_where_a_size_is_given_and_norm_before_the_pool() -> None:
    made = head(size=3).eval()
    assert made.linear is not None
    output = run(made)
    assert output.embedding.shape == (5, 3)
    torch.testing.assert_close(output.embedding, made.linear(output.features))
    assert (output.features >= 0).all()
    plain = run(head(norm="none").eval())
    x = torch.randn((5, 16, 3, 4), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(plain.features, F.adaptive_avg_pool2d(x, 1).flatten(1))


@pytest.mark.parametrize("options", [{"per_class": 0}, {"size": 0}, {"size": True}, {"gamma": 0.0}])
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"whole number from 1|gamma must be above 0"):
        head(**options)


@pytest.mark.parametrize("labels", ['{name="random_embeddings"}', '{name="one_hot", similarity="cosine"}'])
def test_labels_that_would_not_be_read_are_refused(labels: str) -> None:
    with pytest.raises(RecipeError, match=r"(?s)its own class vectors.*leave \[labels\] out"):
        recipe("linear", "head.name=prototypes", f"labels={labels}")
    with pytest.raises(RecipeError, match="'cosine' reads the vectors of the labels"):
        recipe("linear", "head.name=prototypes", 'stages=[{steps=3, losses=["cosine"]}]')


def test_a_network_learns_prototypes_and_they_are_saved_with_it(tmp_path: Path) -> None:
    plan = recipe("linear", "head.name=prototypes", LOSSES)
    plan = replace(plan, head=Part("prototypes", {"per_class": 2}))
    data = squares(8)
    classifier = train(plan, data, progress=False)
    assert (classifier.predict(data) == data.labels).mean() > 0.8
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.probabilities(data), classifier.probabilities(data))
