"""Label augmentation against a loop over images, views and classes."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from handful.core.recipe import Recipe, View
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts.losses.label_augmentation import LabelAugmentation, build
from handful.recipes.load import load_recipe
from tests.support.datasets import context, squares
from tests.training.runs import assembled

N, K, C, M = 4, 3, 5, 3


def example() -> tuple[Output, Batch, LabelAugmentation]:
    torch.manual_seed(0)
    loss = LabelAugmentation(C, K, M, 0.5)
    labels = torch.tensor([2, 0, -1, 1])
    targets = torch.eye(K)[labels] * (labels >= 0)[:, None]
    batch = Batch(torch.zeros(N, 3, 2, 2), labels, targets, torch.full((N, 2, 2), -1))
    outputs = [Output(x, x, torch.randn(N, C)) for x in torch.randn(M, N, K).requires_grad_().unbind()]
    return replace(outputs[0], views=tuple(outputs[1:])), replace(batch, views=(batch,) * (M - 1)), loss


def test_pairs_of_class_and_view_are_learned_and_their_mean_teaches_the_head() -> None:
    output, batch, loss = example()
    values = loss(output, batch)
    outputs = (output, *output.views)
    for i in range(N):
        label = int(batch.labels[i])
        if label < 0:
            assert values[i] == 0
            continue
        joint, scores = 0.0, torch.zeros(K)
        for t in range(M):
            pairs = loss.joint(outputs[t].features[i]).reshape(K, M)
            joint -= math.log(float(pairs.flatten().softmax(0).unflatten(0, (K, M))[label, t].detach())) / M
            scores += pairs[:, t].detach() / M
        mean, head = scores.softmax(0), output.logits[i].softmax(0)
        divergence = float((mean * (mean / head).log()).sum().detach())
        assert values[i].item() == pytest.approx(joint + 0.5 * divergence, rel=1e-4)


def test_the_head_learns_from_the_mean_and_not_the_mean_from_the_head() -> None:
    output, batch, loss = example()
    loss.distill = 0.0
    loss(output, batch).sum().backward()
    assert loss.joint.weight.grad is not None
    alone = loss.joint.weight.grad.clone()
    loss.joint.weight.grad = None
    loss.distill = 1.0
    loss(output, batch).sum().backward()
    torch.testing.assert_close(loss.joint.weight.grad, alone)


def plan(**view: object) -> Recipe:
    small = ("steps=1", "precision=fp32", "batch_size=6", "backbone.depth=10", "backbone.width=1", "augment=[]")
    own = load_recipe("sla-wrn", overrides=small)
    views = tuple(replace(one, **view) for one in own.stages[0].views)  # type: ignore[arg-type]
    return replace(own, stages=(replace(own.stages[0], views=views),))


def test_the_recipe_has_four_quarter_turns_of_the_first_view() -> None:
    _, assembly = assembled(plan(), squares(2))
    loss = assembly.losses[0][1]
    assert isinstance(loss, LabelAugmentation)
    assert loss.views == 4
    assert loss.joint.out_features == 12
    assert "losses.1.joint.weight" in dict(assembly.network.named_parameters())


def test_views_of_unlabelled_images_alone_and_a_negative_weight_are_refused() -> None:
    stage = replace(context().recipe.stages[0], views=(View(of="unlabelled"),), unlabelled=1.0)
    given = replace(context(), stage=stage, features=lambda: C)
    with pytest.raises(RecipeError, match="learns from views of labelled images"):
        build(given)
    with pytest.raises(ValueError, match="distill must be 0 or more"):
        build(given, distill=-1.0)


def test_without_views_of_its_own_it_would_be_cross_entropy_of_a_second_head() -> None:
    output, batch, _ = example()
    loss = LabelAugmentation(C, K, 1, 0.0)
    single = replace(output, views=())
    expected = F.cross_entropy(loss.joint(output.features), batch.labels.clamp(min=0), reduction="none")
    torch.testing.assert_close(loss(single, batch), expected * (batch.labels >= 0))
