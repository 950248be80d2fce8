"""The Gaussian mixture of pixel features against a loop over cells."""

import math
from dataclasses import replace

import pytest
import torch

from handful.core.recipe import Part
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.losses.pixel_gaussian_mixture import PixelGaussianMixture
from handful.training.train import train
from tests.support.datasets import context, recipe, squares

SMALL = 1e-4


def example() -> tuple[Output, Batch]:
    """Three images of 4 x 6 pixels under maps of 2 x 3 cells; the last has no labelled pixel."""
    g = torch.Generator().manual_seed(0)
    pixels, maps = torch.randn((3, 4, 4, 6), generator=g), torch.randn((3, 5, 2, 3), generator=g)
    labels = torch.tensor([0, 1, 2])
    known = torch.full((3, 4, 6), -1)
    known[0, :2, :2], known[0, 2, 4], known[0, 3, 0] = 1, 0, 0
    known[1, 0, :] = 0  # of its object nothing is marked
    logits = torch.zeros(3, 3)
    return Output(logits, logits, torch.zeros(3, 5), pixels, maps=maps), Batch(
        torch.zeros(3, 3, 4, 6), labels, logits, known
    )


def entropy(p: float, target: float) -> float:
    return -(target * math.log(max(p, SMALL)) + (1 - target) * math.log(max(1 - p, SMALL)))


def by_hand(output: Output, batch: Batch, i: int) -> float:
    assert output.pixels is not None
    assert output.maps is not None
    cells = [(y, x) for y in range(2) for x in range(3)]
    inside = {(y, x): [(2 * y + a, 2 * x + b) for a in (0, 1) for b in (0, 1)] for y, x in cells}
    likely = output.pixels[i].softmax(dim=0)
    p = {c: [sum(float(likely[(c, *at)]) for at in inside[cell]) / 4 for cell in cells] for c in range(4)}
    share = {
        c: [sum(int(batch.pixel_labels[(i, *at)]) == c for at in inside[cell]) / 4 for cell in cells] for c in range(4)
    }
    maps = output.maps[i].flatten(1)
    maps = (maps - maps.mean(dim=1, keepdim=True)) / (maps.var(dim=1, keepdim=True, correction=0) + SMALL).sqrt()
    f = list(maps.T)
    present = [c for c in range(4) if sum(share[c]) > 0]
    means = {
        c: torch.stack([w * v for w, v in zip(share[c], f, strict=True)]).sum(dim=0) / sum(share[c]) for c in present
    }
    near = {c: [math.exp(-(float((v - means[c]).abs().mean()) ** 2)) for v in f] for c in present}
    known = [sum(share[c][s] for c in range(4)) for s in range(6)]
    alike = [sum(entropy(p[c][s], near[c][s]) for s in range(6)) / 6 for c in present]
    right = [
        sum(known[s] * entropy(near[c][s], share[c][s] / known[s]) for s in range(6) if known[s]) / sum(known)
        for c in present
    ]
    pairs = [(a, b) for a in present for b in present if a < b]
    apart = [math.exp(-(float((means[a] - means[b]).abs().mean()) ** 2)) for a, b in pairs]
    absent = [c for c in range(1, 4) if c not in present and c != int(batch.labels[i]) + 1]
    none = [sum(-math.log(1 - v) for v in p[c]) / 6 for c in absent]
    mean = [sum(v) / max(1, len(v)) for v in (alike, right, apart, none)]
    return 0.5 * mean[0] + 0.5 * mean[1] + mean[2] + mean[3]


def test_against_a_loop() -> None:
    output, batch = example()
    values = PixelGaussianMixture(1.0, 1.0)(output, batch)
    torch.testing.assert_close(values, torch.tensor([by_hand(output, batch, 0), by_hand(output, batch, 1), 0.0]))


def test_a_channel_that_is_the_same_everywhere_gives_finite_gradients() -> None:
    output, batch = example()
    maps = output.maps.clone()  # type: ignore[union-attr]
    maps[:, 0] = 0
    maps.requires_grad_()
    PixelGaussianMixture(1.0, 1.0)(replace(output, maps=maps), batch).sum().backward()  # type: ignore[no-untyped-call]
    assert maps.grad is not None
    assert maps.grad.isfinite().all()


def test_weights_of_zero_leave_terms_out() -> None:
    output, batch = example()
    whole, less = PixelGaussianMixture(1.0, 1.0)(output, batch), PixelGaussianMixture(0.0, 0.0)(output, batch)
    assert (less[:2] < whole[:2]).all()
    with pytest.raises(RecipeError, match="centers must be 0 or more"):
        registry.build("losses", Part("pixel_gaussian_mixture", {"centers": -1.0}), context())


@pytest.mark.parametrize("head", ["segmentation", "multitask", "deeplab"])
def test_every_head_that_segments_trains_with_it(head: str) -> None:
    losses = 'stages.0.losses=[{name="pixel_cross_entropy"},{name="pixel_gaussian_mixture"}]'
    classifier = train(recipe("segmentation", losses, f"head.name={head}", "steps=3"), squares(2), progress=False)
    assert classifier.classes == squares(2).classes
