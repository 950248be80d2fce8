"""Soft Dice against a slow one, and its extremes."""

from dataclasses import replace

import pytest
import torch

from handful.core.recipe import Part
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.losses.pixel_dice import PixelDice
from tests.support.datasets import context


def make(pixels: torch.Tensor, pixel_labels: torch.Tensor) -> tuple[Output, Batch]:
    n, classes = len(pixels), pixels.shape[1] - 1
    logits = torch.zeros(n, classes)
    images = torch.zeros(n, 3, *pixel_labels.shape[1:])
    return Output(logits, logits, logits, pixels), Batch(images, torch.zeros(n, dtype=torch.long), logits, pixel_labels)


def slow(pixels: torch.Tensor, labels: torch.Tensor, eps: float) -> float:
    losses = []
    for c in range(1, pixels.shape[0]):
        both = squares = count = 0.0
        for y in range(labels.shape[0]):
            for x in range(labels.shape[1]):
                if labels[y, x] == -1:
                    continue
                p = float(pixels[:, y, x].softmax(dim=0)[c])
                hit = float(labels[y, x] == c)
                both, squares, count = both + p * hit, squares + p * p, count + hit
        if count:
            losses.append(1 - (2 * both + eps) / (squares + count + eps))
    return sum(losses) / len(losses) if losses else 0.0


@pytest.mark.parametrize("eps", [1.0, 0.1])
def test_against_a_slow_one(eps: float) -> None:
    g = torch.Generator().manual_seed(0)
    pixels = torch.randn((3, 4, 5, 6), generator=g)
    labels = torch.randint(-1, 4, (3, 5, 6), generator=g)
    labels[2] = torch.where(labels[2] > 0, 2, labels[2])  # one class alone
    values = PixelDice(eps)(*make(pixels, labels))
    torch.testing.assert_close(values, torch.tensor([slow(pixels[i], labels[i], eps) for i in range(3)]))


def test_a_sure_and_right_mask_costs_nothing_and_a_sure_and_wrong_one_all() -> None:
    labels = torch.zeros(1, 8, 8, dtype=torch.long)
    labels[:, 2:6, 2:6] = 1
    right = torch.stack([(labels == 0) * 50.0, (labels == 1) * 50.0], dim=1)
    assert float(PixelDice(1e-3)(*make(right, labels))) == pytest.approx(0, abs=1e-4)
    assert float(PixelDice(1e-3)(*make(-right, labels))) == pytest.approx(1, abs=1e-3)


def test_images_without_object_or_mask_cost_nothing() -> None:
    labels = torch.tensor([[[0, 0]], [[-1, -1]]])
    assert PixelDice(1.0)(*make(torch.randn(2, 3, 1, 2), labels)).tolist() == [0, 0]


def test_eps_must_be_positive() -> None:
    with pytest.raises(RecipeError, match="eps must be above 0"):
        registry.build("losses", Part("pixel_dice", {"eps": 0}), context())


def test_an_images_loss_has_the_mean_weight_of_its_labelled_pixels() -> None:
    labels = torch.tensor([[[0, 1, 1, -1]], [[0, 1, 0, 1]]])
    output, batch = make(torch.randn(2, 3, 1, 4), labels)
    weights = torch.tensor([[[1.0, 0.5, 0.0, 1.0]], [[1.0, 1.0, 1.0, 1.0]]])
    plain, weighted = PixelDice(1.0)(output, batch), PixelDice(1.0)(output, replace(batch, pixel_weights=weights))
    torch.testing.assert_close(weighted, plain * torch.tensor([0.5, 1.0]))
