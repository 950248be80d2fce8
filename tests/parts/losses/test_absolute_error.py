"""Absolute error of numbers, and weights by their density."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde

from handful.core.context import Context, Task
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Part
from handful.core.standardization import Scale
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts.losses._density import DensityWeighting, DensityWeights
from handful.parts.losses.absolute_error import build
from handful.training.train import train
from tests.support.datasets import context, numbered_squares, recipe, squares

WEIGHTINGS: tuple[DensityWeighting, ...] = ("none", "square_root", "inverse")


def number_context(values: np.ndarray) -> Context:
    """Numbers [m 1] of the training images, whose scale is 1."""
    image = np.zeros((3, 2, 2), np.uint8)
    samples = tuple(Sample(f"{i}", image, target=v.astype(np.float32)) for i, v in enumerate(values))
    data = Dataset(samples, ("age",), kind="number")
    return replace(context(), data=data, task=Task(("age",), np.array([len(values)]), "number", Scale((0.0,), (1.0,))))


def batch_of(values: torch.Tensor, known: torch.Tensor | None = None) -> Batch:
    n = len(values)
    return Batch(torch.zeros(n, 3, 2, 2), torch.zeros(n).long(), values, torch.zeros(n, 2, 2).long(), known=known)


def test_a_weight_is_the_inverse_of_the_kernel_density_with_a_mean_of_1() -> None:
    values = np.random.default_rng(0).exponential(1.0, 200)
    weights = DensityWeights(torch.from_numpy(values)[:, None], bandwidth=0.3, power=1.0)
    known = torch.ones(200, 1, dtype=torch.bool)
    found = weights(torch.from_numpy(values)[:, None], known)[:, 0].numpy()
    density = gaussian_kde(values, bw_method=0.3 / values.std(ddof=1))(values)
    np.testing.assert_allclose(found, (1 / density) / (1 / density).mean(), rtol=1e-3)
    assert found.mean() == pytest.approx(1, rel=1e-4)


def test_unknown_values_have_no_weight_and_no_share_in_the_density() -> None:
    values = torch.tensor([[0.0, 1.0], [1.0, float("nan")], [2.0, 3.0]])
    alone = DensityWeights(values[[0, 2], 1:], bandwidth=1.0, power=0.5)
    both = DensityWeights(values, bandwidth=1.0, power=0.5)
    known = ~values.isnan()
    found = both(values.nan_to_num(), known)
    assert found[1, 1] == 0
    torch.testing.assert_close(found[[0, 2], 1:], alone(values[[0, 2], 1:], known[[0, 2], 1:]))


def test_rare_values_count_for_more() -> None:
    values = np.concatenate([np.zeros(90), np.full(10, 5.0)])[:, None]
    logits = torch.tensor([[1.0], [6.0]])
    output = Output(logits, logits, logits)
    batch = batch_of(torch.tensor([[0.0], [5.0]]))
    plain, root, inverse = (build(number_context(values), reweight=r)(output, batch) for r in WEIGHTINGS)
    torch.testing.assert_close(plain, torch.ones(2))
    assert 2.9 < float(root[1] / root[0]) < 3.1
    assert 8.5 < float(inverse[1] / inverse[0]) < 9.5


def test_it_trains_numbers_with_gaps_and_refuses_classes() -> None:
    tiny = recipe("linear")
    part = Part("absolute_error", {"reweight": "inverse"})
    tiny = replace(tiny, stages=(replace(tiny.stages[0], losses=(part,)),))
    data = numbered_squares(20, known=0.8)
    assert np.isfinite(train(tiny, data, device="cpu", progress=False).predict(data)).all()
    with pytest.raises(RecipeError, match="losses/absolute_error is for numbers"):
        train(tiny, squares(4), device="cpu", progress=False)


def test_options_out_of_range_are_refused() -> None:
    values = np.arange(3.0)[:, None]
    with pytest.raises(ValueError, match="bandwidth must be above 0"):
        build(number_context(values), reweight="inverse", bandwidth=0.0)
