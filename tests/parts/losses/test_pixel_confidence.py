"""Confidence-weighted pixel labels against a loop over pixels."""

import math
from dataclasses import replace

import pytest
import torch
from scipy import ndimage

from handful.core.recipe import Part
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.losses.pixel_confidence import PixelConfidence, boundaries, likely_labels
from handful.recipes.checks import check
from handful.training.train import train
from tests.support.datasets import context, recipe, squares

LOSSES = 'stages.0.losses=[{name="pixel_cross_entropy"},{name="pixel_confidence"}]'


def example() -> tuple[Output, Batch]:
    """An image with a mask, one of class 1 without, and one without a label."""
    g = torch.Generator().manual_seed(0)
    pixels, teacher = (2 * torch.randn((3, 4, 5, 6), generator=g) for _ in range(2))
    logits, labels = torch.zeros(3, 3), torch.tensor([0, 1, -1])
    maps = torch.full((3, 5, 6), -1)
    maps[0] = 1
    batch = Batch(torch.zeros(3, 3, 5, 6), labels, logits, maps, progress=1.0)
    return Output(logits, logits, logits, pixels), replace(
        batch, teacher_output=Output(logits, logits, logits, teacher)
    )


def by_hand(output: Output, batch: Batch, i: int, base: float, gamma: float, boundary: float) -> float:
    assert output.pixels is not None
    assert batch.teacher_output is not None
    assert batch.teacher_output.pixels is not None
    teacher, label = batch.teacher_output.pixels[i], int(batch.labels[i])
    said = list(range(4)) if label < 0 else [0, label + 1]
    q = torch.stack([teacher[c] for c in said]).softmax(dim=0)
    confidence, place = q.max(dim=0)
    guess = torch.tensor(said)[place]
    threshold = min(0.8, max(0.3, base / (1 + math.exp(-0.5 * (float(confidence.mean()) - 0.5)))))
    edges = [ndimage.sobel(guess.numpy().astype(float), axis=axis, mode="nearest") for axis in (0, 1)]
    first, second = [], []
    for y in range(5):
        for x in range(6):
            if confidence[y, x] <= threshold:
                continue
            loss = -float(output.pixels[i, :, y, x].log_softmax(dim=0)[guess[y, x]])
            first.append(float(confidence[y, x]) ** gamma * loss)
            if edges[0][y, x] or edges[1][y, x]:
                second.append(loss)
    return float(sum(first) / len(first) + boundary * sum(second) / max(1, len(second)))


@pytest.mark.parametrize(("base", "gamma", "boundary"), [(0.6, 1.0, 0.5), (1.4, 2.0, 0.0), (1.2, 0.0, 1.0)])
def test_against_a_loop(base: float, gamma: float, boundary: float) -> None:
    output, batch = example()
    values = PixelConfidence(gamma, base, 0.5, boundary, 0.0)(output, batch)
    expected = [0.0, *(by_hand(output, batch, i, base, gamma, boundary) for i in (1, 2))]
    torch.testing.assert_close(values, torch.tensor(expected))


def test_a_pixel_is_background_or_its_images_class_and_anything_without_one() -> None:
    _, batch = example()
    assert batch.teacher_output is not None
    assert batch.teacher_output.pixels is not None
    confidence, guesses = likely_labels(batch.teacher_output.pixels, batch.labels)
    assert set(guesses[1].flatten().tolist()) == {0, 2}
    assert len(set(guesses[2].flatten().tolist())) == 4
    assert (confidence[1] >= 0.5).all()


def test_a_map_of_one_label_has_no_boundary() -> None:
    labels = torch.zeros(2, 6, 6, dtype=torch.long)
    labels[1, 2:4, 2:4] = 3
    assert not boundaries(labels)[0].any()
    assert boundaries(labels)[1].sum() == 16


def test_its_weight_rises() -> None:
    output, batch = example()
    loss = PixelConfidence(1.0, 0.6, 0.5, 0.5, 0.5)
    whole = loss(output, batch)
    torch.testing.assert_close(loss(output, replace(batch, progress=0.25)), whole / 2)


def test_it_needs_the_averaged_network_and_numbers_in_range() -> None:
    check(recipe("segmentation", LOSSES, "ema=0.9"))
    with pytest.raises(RecipeError, match="'pixel_confidence' reads the output of the network with averaged weights"):
        check(recipe("segmentation", LOSSES))
    for option in ({"base": 0.0}, {"gamma": -1.0}, {"rise": 2.0}):
        with pytest.raises(RecipeError, match=next(iter(option))):
            registry.build("losses", Part("pixel_confidence", option), context())


def test_images_without_a_mask_change_what_is_learned() -> None:
    data = squares(4)
    some = tuple(s if i % 4 == 0 else replace(s, mask=None, mask_source=None) for i, s in enumerate(data.samples))
    data = replace(data, samples=some)
    plans = [
        recipe("segmentation", LOSSES, "ema=0.9", "steps=8", f"stages.0.losses.1.rise={rise}") for rise in (0.0, 1.0)
    ]
    maps = [next(iter(train(plan, data, seed=0, progress=False).maps(data))) for plan in plans]
    assert (maps[0] != maps[1]).any()
