"""Masked image modeling against the formula, pixel by pixel."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from handful.core.tensors import Batch, Output
from handful.parts.losses.masked_image import MaskedImage, build, gradient_map, standardize
from tests.support.datasets import context

N, C, STRIDE = 3, 5, 2


def made(**options: float) -> MaskedImage:
    torch.manual_seed(0)
    return build(replace(context(), maps=lambda: (C, STRIDE)), **options)


def example() -> tuple[Output, Batch]:
    """Images of 5 x 6 pixels, whose maps of 3 x 3 reach over the lower edge."""
    g = torch.Generator().manual_seed(0)
    images, hidden = torch.rand(N, 3, 5, 6, generator=g), torch.rand(N, 5, 6, generator=g) < 0.5
    maps = torch.randn(N, C, 3, 3, generator=g)
    labels, targets = torch.tensor([0, 1, -1]), torch.zeros(N, 3)
    batch = Batch(images * 0, labels, targets, torch.full((N, 5, 6), -1), hidden=hidden, unmasked=images)
    return Output(targets, targets, torch.zeros(N, C), maps=maps), batch


def slow_error(layer: torch.nn.Conv2d, maps: torch.Tensor, target: torch.Tensor, hidden: torch.Tensor) -> float:
    """Mean squared error of one image: each map cell predicts its own 2 x 2 pixels."""
    channels, errors = len(target), []
    for y, x in hidden.nonzero().tolist():
        cell = maps[:, y // STRIDE, x // STRIDE]
        scores = (layer.weight[:, :, 0, 0] @ cell + layer.bias).view(channels, STRIDE, STRIDE)  # type: ignore[operator]
        errors.append(float((scores[:, y % STRIDE, x % STRIDE] - target[:, y, x]).square().mean()))
    return float(np.mean(errors))


@pytest.mark.parametrize("gradient", [0.0, 0.7])
def test_it_is_the_squared_error_of_hidden_pixels_and_of_their_gradient(gradient: float) -> None:
    loss, (output, batch) = made(gradient=gradient), example()
    values = loss(output, batch)
    assert batch.unmasked is not None
    assert batch.hidden is not None
    assert output.maps is not None
    target = standardize(batch.unmasked)
    loss.requires_grad_(requires_grad=False)
    for i in range(N):
        expected = slow_error(loss.pixels, output.maps[i], target[i], batch.hidden[i])
        if loss.gradients is not None:
            edges = gradient_map(target)[i]
            expected += gradient * slow_error(loss.gradients, output.maps[i], edges, batch.hidden[i])
        assert values[i].item() == pytest.approx(expected, rel=1e-4)


def test_the_gradient_map_is_sobels_magnitude_of_the_gray_image() -> None:
    images = torch.rand(2, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    for image, edges in zip(images.mean(dim=1).numpy(), gradient_map(images)[:, 0].numpy(), strict=True):
        across, down = (ndimage.sobel(image, axis=a, mode="nearest") / 8 for a in (0, 1))
        np.testing.assert_allclose(edges, np.hypot(across, down), atol=1e-6)


def test_a_blank_image_and_one_without_hidden_pixels_have_finite_values() -> None:
    output, batch = example()
    assert batch.unmasked is not None
    assert batch.hidden is not None
    blank = replace(batch, unmasked=torch.full_like(batch.unmasked, 0.5), hidden=batch.hidden & False)
    values = made()(output, blank)
    assert values.tolist() == [0, 0, 0]


def test_pixels_hidden_in_a_further_view_are_predicted_for_the_images_that_it_shows() -> None:
    output, batch = example()
    shown, view = batch.rows(batch.labels < 0), output.rows(batch.labels < 0)
    both = replace(batch, hidden=None, unmasked=None, views=(shown,))
    loss = made()
    values = loss(replace(output, maps=None, views=(view,)), both)
    assert values[:2].tolist() == [0, 0]
    torch.testing.assert_close(values[2:], loss(output, batch)[2:])


def test_a_gradient_weight_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="gradient must be 0 or more"):
        made(gradient=-1.0)
