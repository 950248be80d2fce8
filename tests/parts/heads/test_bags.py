"""Heads that learn from labels of bags: pooling against slow oracles, and what they find in a bag."""

from typing import Any

import numpy as np
import pytest
import torch

from handful.core.recipe import Part
from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.heads._bags import BagHead, Bags, principal_axes, weights_in_bags
from tests.support.datasets import context

CLASSES = ("negative", "positive")
THREE = ("blue", "green", "red")
HEADS = ("bag_mean", "bag_max", "bag_attention", "bag_contrast")
every = pytest.mark.parametrize("name", HEADS)


def build(name: str, classes: tuple[str, ...] = CLASSES, **options: Any) -> BagHead:
    backbone = Backbone(torch.nn.Identity(), 6, 1)
    head = registry.build("heads", Part(name, options), context(classes=classes), backbone=backbone)
    assert isinstance(head, BagHead)
    return head


def features(bags: int = 60, size: int = 5, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features [n 1 6] of bags, of which every second one has an image that is large along the last axis."""
    generator = torch.Generator().manual_seed(seed)
    x = 0.3 * torch.randn((bags, size, 6), generator=generator)
    labels = torch.arange(bags) % 2
    x[labels == 1, 0, 5] += 3
    index = torch.arange(bags).repeat_interleave(size)
    return x.reshape(-1, 1, 6), labels[index], index


def fitted(name: str) -> BagHead:
    head = build(name, l2=name == "bag_attention")
    x, labels, index = features()
    head.fit_bags(x, labels, index, seed=0)
    return head


@every
def test_a_bag_and_the_image_in_it_that_matters_are_recognized(name: str) -> None:
    head = fitted(name)
    x, labels, index = features(seed=1)
    output = head.output(x[:, 0])
    bags = head.bag_logits(output.logits, output.attention, index, 60)
    assert (bags.argmax(dim=1) == labels[::5]).float().mean() > 0.8
    positive = (output.logits[:, 1] - output.logits[:, 0]).reshape(60, 5)[1::2]
    assert (positive.argmax(dim=1) == 0).float().mean() > 0.8
    if name == "bag_attention":
        assert output.attention is not None
        weights = weights_in_bags(output.attention, index, 60).reshape(60, 5)
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(60))
        assert weights[1::2, 0].mean() > weights[1::2, 1:].mean()


@every
def test_pooling_is_that_of_a_loop_and_unmoved_by_a_constant_of_an_image(name: str) -> None:
    head, generator = build(name), torch.Generator().manual_seed(0)
    logits, attention = torch.randn((7, 2), generator=generator), torch.randn(7, generator=generator)
    index = torch.tensor([0, 2, 0, 1, 2, 2, 0])
    pooled = head.bag_logits(logits, attention, index, 3).softmax(dim=1)
    for bag in range(3):
        own, weight = logits[index == bag], attention[index == bag].softmax(dim=0)
        odds = own[:, 1] - own[:, 0]
        mean, weighted = odds.mean(), (weight * odds).sum()
        expected = {"bag_mean": mean, "bag_attention": weighted}.get(name, odds.max())
        torch.testing.assert_close(pooled[bag, 1], expected.sigmoid())
    moved = logits + torch.randn((7, 1), generator=generator)
    torch.testing.assert_close(head.bag_logits(moved, attention, index, 3).softmax(dim=1), pooled)


@every
def test_an_image_is_scored_as_a_bag_of_its_own(name: str) -> None:
    head = fitted(name)
    output = head.output(features(seed=2)[0][:, 0])
    alone = head.bag_logits(output.logits, output.attention, torch.arange(300), 300)
    torch.testing.assert_close(alone.softmax(dim=1), output.logits.softmax(dim=1))


@every
def test_one_bag_of_each_class_is_fitted_at_the_defaults(name: str) -> None:
    head = build(name)
    x, labels, index = features(2)
    head.fit_bags(x, labels, index, seed=0)
    assert (float(head.strength), float(head.temperature)) == pytest.approx((head.strengths[0], head.start))


def test_the_classes_of_mean_and_attention_may_be_three() -> None:
    assert [build(name, THREE).classes for name in ("bag_mean", "bag_attention")] == [3, 3]


@pytest.mark.parametrize("name", ["bag_max", "bag_contrast"])
def test_what_pools_by_the_maximum_needs_the_negative_class(name: str) -> None:
    with pytest.raises(RecipeError, match=r"no class is recognized as the negative(.*\n)+.*one of blue, green, red"):
        build(name, THREE)
    with pytest.raises(RecipeError, match="'grey' is no class"):
        build(name, THREE, negative="grey")
    head = build(name, THREE, negative="green")
    pooled = head.bag_logits(torch.tensor([[1.0, 2, 3], [5, 4, 0]]), None, torch.tensor([0, 0]), 1)
    assert pooled.tolist() == [[1, 0, 1]]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("bag_mean", {"C": 0}),
        ("bag_max", {"penalty": -1}),
        ("bag_attention", {"hidden": 0}),
        ("bag_contrast", {"penalty": 0}),
        ("bag_contrast", {"contrast": -1}),
        ("bag_contrast", {"image_labels": float("nan")}),
    ],
)
def test_options_out_of_range_are_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=f"heads/{name}: invalid option value"):
        build(name, **options)


def test_some_bags_of_several_are_numbered_anew() -> None:
    bags = Bags(np.arange(6, dtype=np.float32)[:, None], np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1]))
    some = bags.select(np.array([2, 0]))
    assert some.x[:, 0].tolist() == [0, 1, 3, 4, 5]
    assert (some.index.tolist(), some.labels.tolist()) == ([1, 1, 0, 0, 0], [1, 0])


@pytest.mark.parametrize("shape", [(4, 9), (30, 9)])
def test_principal_axes_are_those_of_the_singular_value_decomposition(shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    axes = principal_axes(x, 3)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-5)
    singular = np.linalg.svd(x, compute_uv=False)[:3]
    np.testing.assert_allclose(np.linalg.svd(x @ axes, compute_uv=False), singular, rtol=1e-3)


def test_max_pooling_starts_from_mean_pooling_whatever_the_seed() -> None:
    x, labels, index = features()
    heads = [build("bag_max", penalty=1.0) for _ in range(2)]
    for seed, head in enumerate(heads):
        head.fit_bags(x, labels, index, seed=seed)
    torch.testing.assert_close(heads[0].weight, heads[1].weight, rtol=0, atol=0)
