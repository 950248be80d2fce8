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
from handful.training.train import train
from tests.support.datasets import context, recipe, several_masked_squares


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


def test_a_pixel_of_several_possible_classes_has_the_loss_of_their_sum() -> None:
    maps = torch.tensor([[[0, 1, 4], [4, -1, 2]], [[4, 4, 0], [0, 0, 0]], [[4, 0, 0], [0, 0, 0]]])
    output, batch = make(maps)
    assert output.pixels is not None
    targets = torch.tensor([[1.0, 0, 1], [0, 0, 1], [0, 0, 0]])
    known = torch.tensor([[True, True, True], [True, False, True], [True, True, True]])
    p = output.pixels.softmax(dim=1)

    def loss(i: int, y: int, x: int, *classes: int) -> float:
        return -math.log(sum(float(p[i, c, y, x]) for c in classes))

    first = [loss(0, 0, 0, 0), loss(0, 0, 1, 1), loss(0, 0, 2, 1, 3), loss(0, 1, 0, 1, 3), loss(0, 1, 2, 2)]
    ground = [(0, 2), (1, 0), (1, 1), (1, 2)]
    second = [loss(1, 0, 0, 2, 3), loss(1, 0, 1, 2, 3), *(loss(1, y, x, 0) for y, x in ground)]
    third = [loss(2, 0, 0, 1, 2, 3), loss(2, 0, 1, 0), *(loss(2, y, x, 0) for y, x in ground)]
    output.pixels.requires_grad_()
    values = PixelCrossEntropy(None)(output, replace(batch, targets=targets, known=known))
    assert values.tolist() == pytest.approx([sum(each) / len(each) for each in (first, second, third)], rel=1e-5)
    values.sum().backward()  # type: ignore[no-untyped-call]
    assert output.pixels.grad is not None
    assert bool(output.pixels.grad.isfinite().all())
    assert (output.pixels.grad[0, :, 1, 1] == 0).all()  # not labelled


@pytest.mark.parametrize("named", [True, False])
def test_masks_of_several_labels_teach_where_each_class_is(named: bool) -> None:
    data = several_masked_squares(40, named=named)
    losses = 'stages.0.losses=[{name="pixel_cross_entropy",foreground=0.7}]'
    tiny = recipe("segmentation", "steps=120", 'head.pool="foreground"', "augment=[]", "batch_size=10", losses)
    classifier = train(tiny, data, device="cpu", progress=False)
    test = several_masked_squares(30, seed=1)
    truth = test.targets() == 1
    found = classifier.probabilities(test) > 0.5
    assert (found == truth).mean() > 0.85
