"""The evidential pixel loss against the Dirichlet integral, pixel by pixel."""

import numpy as np
import pytest
import torch
from scipy.special import digamma

from handful.core.recipe import Part
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts import registry
from tests.support.datasets import context


def example() -> tuple[Output, Batch]:
    """Two images of 3 x 4 pixels; the second has no labelled pixel."""
    pixels = torch.randn((2, 4, 3, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.tensor([1, 2])
    known = torch.full((2, 3, 4), -1)
    known[0, 0], known[0, 1, :2] = 0, 2
    logits = torch.zeros(2, 3)
    return Output(logits, logits, torch.zeros(2, 5), pixels.float()), Batch(
        torch.zeros(2, 3, 3, 4), labels, logits, known
    )


def test_it_is_the_expected_cross_entropy_of_the_dirichlet_distribution() -> None:
    output, batch = example()
    assert output.pixels is not None
    loss = registry.build("losses", Part("pixel_evidential"), context("segmentation"))
    values = loss(output, batch)
    rng, expected = np.random.default_rng(0), []
    for y, x in zip(*np.nonzero(batch.pixel_labels[0].numpy() >= 0), strict=True):
        alpha = np.log1p(np.exp(output.pixels[0, :, y, x].double().numpy())) + 1
        right = int(batch.pixel_labels[0, y, x])
        by_formula = digamma(alpha.sum()) - digamma(alpha[right])
        drawn = -np.log(rng.dirichlet(alpha, 20_000)[:, right]).mean()
        assert by_formula == pytest.approx(drawn, abs=0.05)
        expected.append(by_formula)
    assert values.tolist() == pytest.approx([np.mean(expected), 0.0], abs=1e-5)


def test_the_foreground_has_the_share_that_it_is_given() -> None:
    output, batch = example()
    of_object, of_background = batch.pixel_labels.clone(), batch.pixel_labels.clone()
    of_object[of_object == 0], of_background[of_background > 0] = -1, -1
    plain = registry.build("losses", Part("pixel_evidential"), context("segmentation"))
    weighted = registry.build("losses", Part("pixel_evidential", {"foreground": 0.7}), context("segmentation"))

    def only(labels: torch.Tensor) -> float:
        return float(plain(output, Batch(batch.images, batch.labels, batch.targets, labels))[0])

    expected = 0.7 * only(of_object) + 0.3 * only(of_background)
    assert float(weighted(output, batch)[0]) == pytest.approx(expected, abs=1e-5)


def test_a_foreground_outside_of_0_to_1_is_refused() -> None:
    with pytest.raises(RecipeError, match="foreground must be between 0 and 1"):
        registry.build("losses", Part("pixel_evidential", {"foreground": 1.0}), context("segmentation"))
