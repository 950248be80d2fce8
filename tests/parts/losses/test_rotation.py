"""Prediction of quarter turns: the mean of the views' cross-entropies."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from handful.core.recipe import View
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts.losses.rotation import build
from tests.support.datasets import context, recipe

C = 4


def with_views(*views: View) -> object:
    stage = replace(recipe("linear").stages[0], views=views)
    return build(replace(context(), features=lambda: C, stage=stage))


def test_each_view_is_a_class_of_its_own() -> None:
    torch.manual_seed(0)
    loss = with_views(View(), View(), View())
    features = torch.randn(4, 3, C, generator=torch.Generator().manual_seed(1))
    first, *further = (Output(f, f, f) for f in features)
    labels = torch.tensor([0, -1, 2])
    batch = Batch(torch.zeros(3, 3, 2, 2), labels, torch.zeros(3, 3), torch.full((3, 2, 2), -1))
    values = loss(replace(first, views=tuple(further)), replace(batch, views=(batch,) * 3))  # type: ignore[operator]
    turns = torch.arange(4).repeat_interleave(3)
    scores = loss.linear(features.flatten(0, 1))  # type: ignore[attr-defined]
    torch.testing.assert_close(values, F.cross_entropy(scores, turns, reduction="none").view(4, 3).mean(dim=0))


def test_views_of_different_images_are_refused() -> None:
    with pytest.raises(RecipeError, match='of = "all"'):
        with_views(View(of="unlabelled"), View())
