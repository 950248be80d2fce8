import math
from dataclasses import replace

import pytest
import torch

from handful.core.recipe import Part, Stage
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.losses.cross_entropy import CrossEntropy
from handful.parts.losses.pixel_cross_entropy import PixelCrossEntropy, build
from handful.recipes.checks import check
from tests.support.datasets import context, recipe


def make(pixel_labels: torch.Tensor, seed: int = 0, classes: int = 3) -> tuple[Output, Batch]:
    n, h, w = pixel_labels.shape
    g = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    targets = torch.nn.functional.one_hot(labels, classes).float()
    pixels = torch.randn((n, classes + 1, h, w), generator=g)
    logits = torch.randn((n, classes), generator=g)
    return Output(logits, logits, logits, pixels), Batch(torch.rand((n, 3, h, w)), labels, targets, pixel_labels)


def by_hand(output: Output, batch: Batch, foreground: float | None) -> list[float]:
    assert output.pixels is not None
    values = []
    for i in range(len(batch.labels)):
        front: list[float] = []
        back: list[float] = []
        for y in range(batch.pixel_labels.shape[1]):
            for x in range(batch.pixel_labels.shape[2]):
                label = int(batch.pixel_labels[i, y, x])
                if label == -1:
                    continue
                scores = output.pixels[i, :, y, x].tolist()
                value = math.log(sum(math.exp(s) for s in scores)) - scores[label]
                (front if label else back).append(value)
        if not front and not back:
            values.append(0.0)
        elif foreground is None or not front or not back:
            values.append(sum(front + back) / len(front + back))
        else:
            values.append(foreground * sum(front) / len(front) + (1 - foreground) * sum(back) / len(back))
    return values


@pytest.mark.parametrize("foreground", [None, 0.5, 0.9])
def test_equals_the_loop_by_hand(foreground: float | None) -> None:
    g = torch.Generator().manual_seed(1)
    maps = torch.randint(-1, 4, (5, 4, 3), generator=g)
    maps[1], maps[2], maps[3] = -1, 0, 2
    output, batch = make(maps)
    expected = by_hand(output, batch, foreground)
    assert PixelCrossEntropy(foreground)(output, batch).tolist() == pytest.approx(expected, rel=1e-5)


def test_pixel_weights_are_factors() -> None:
    output, batch = make(torch.tensor([[[0, 1], [2, -1]]]))
    one, half = torch.ones(1, 2, 2), torch.tensor([[[1.0, 0.5], [0.0, 1.0]]])
    plain = PixelCrossEntropy(None)(output, batch)
    assert torch.equal(PixelCrossEntropy(None)(output, replace(batch, pixel_weights=one)), plain)
    losses = torch.nn.functional.cross_entropy(output.pixels, batch.pixel_labels.clamp(min=0), reduction="none")[0]  # type: ignore[arg-type]
    expected = (losses[0, 0] + 0.5 * losses[0, 1]) / 3
    torch.testing.assert_close(PixelCrossEntropy(None)(output, replace(batch, pixel_weights=half))[0], expected)


def test_foreground_share_must_be_a_share() -> None:
    for wrong in (0.0, 1.0, -1.0):
        with pytest.raises(ValueError, match="between 0 and 1"):
            build(context(), foreground=wrong)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_equals_torch_and_is_zero_without_a_label(smoothing: float) -> None:
    output, batch = make(torch.zeros((4, 2, 2), dtype=torch.long))
    expected = torch.nn.functional.cross_entropy(
        output.logits, batch.labels, label_smoothing=smoothing, reduction="none"
    )
    torch.testing.assert_close(CrossEntropy(smoothing)(output, batch), expected)
    none = Batch(batch.images, torch.full_like(batch.labels, -1), torch.zeros_like(batch.targets), batch.pixel_labels)
    assert CrossEntropy(smoothing)(output, none).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("head", sorted(set(registry.names("heads")) - set(registry.names_with("heads", "segments"))))
def test_a_recipe_whose_head_does_not_segment_is_refused(head: str) -> None:
    stage = Stage(losses=(Part("cross_entropy"), Part("pixel_cross_entropy")), steps=2)
    plan = replace(recipe("linear"), head=Part(head), stages=(stage,))
    with pytest.raises(RecipeError, match=f"{head}.*(does not segment|is fitted)"):
        check(plan)
