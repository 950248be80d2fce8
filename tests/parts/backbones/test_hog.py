import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from handful.core.recipe import Part
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.backbones.hog import OrientedGradients
from tests.support.datasets import context


def votes(image: torch.Tensor, **options: Any) -> torch.Tensor:
    """Votes [orientations, rows, columns] of one gray image [h w]."""
    h, w = image.shape
    options = {"size": (h, w), "cell": 4, "orientations": 8, **options}
    network = registry.build("backbones", Part("hog", options), context()).network
    cells = network(image.expand(1, 3, h, w))
    found: torch.Tensor = cells.reshape(options["orientations"], h // options["cell"], w // options["cell"])
    return found


@pytest.mark.parametrize("bin_", range(8))
def test_a_ramp_votes_for_its_direction_in_every_cell(bin_: int) -> None:
    angle = bin_ * 2 * math.pi / 8
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    found = votes((math.cos(angle) * x + math.sin(angle) * y) / 10)
    assert (found[:, 1:-1, 1:-1].argmax(dim=0) == bin_).all()


def test_a_blank_image_makes_no_votes_and_brightness_does_not_count() -> None:
    assert votes(torch.full((16, 16), 0.7)).abs().max() < 1e-3
    image = torch.rand(16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(votes(image), votes(image - 0.5), atol=1e-5, rtol=1e-4)


def test_votes_are_those_of_the_definition() -> None:
    """Pixel by pixel: m cos^4 for each direction, spread bilinearly over the cells' centers."""
    cell, size, n = 4, 12, 8
    image = torch.rand(size, size, generator=torch.Generator().manual_seed(1))
    padded = F.pad(image[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    expected = torch.zeros(n, size // cell, size // cell)
    for i in range(size):
        for j in range(size):
            gx = float(padded[i + 1, j + 2] - padded[i + 1, j]) / 2
            gy = float(padded[i + 2, j + 1] - padded[i, j + 1]) / 2
            length = math.sqrt(gx * gx + gy * gy + 0.05**2)
            for o in range(n):
                along = max(0.0, gx * math.cos(2 * math.pi * o / n) + gy * math.sin(2 * math.pi * o / n))
                for a in range(size // cell):
                    for b in range(size // cell):
                        near_y = max(0.0, 1 - abs(i + 0.5 - (a + 0.5) * cell) / cell)
                        near_x = max(0.0, 1 - abs(j + 0.5 - (b + 0.5) * cell) / cell)
                        expected[o, a, b] += along**4 / length**3 * near_y * near_x / cell**2
    expected = expected / (expected.square().sum(dim=0) + 0.05**4).sqrt().sqrt()
    torch.testing.assert_close(votes(image), expected, atol=1e-5, rtol=1e-4)


def test_a_step_to_the_right_moves_the_votes_one_cell() -> None:
    image = torch.zeros(24, 24)
    image[6:14, 7:9] = 1
    torch.testing.assert_close(votes(image)[:, :, 1:4], votes(image.roll(4, dims=1))[:, :, 2:5])


def test_images_of_another_size_are_resized() -> None:
    network = OrientedGradients((32, 32), 4, 9)
    assert network(torch.rand(2, 3, 57, 80)).shape == (2, 9 * 8 * 8, 1, 1)


@pytest.mark.parametrize("options", [{"size": 30}, {"cell": 1}, {"orientations": 2}, {"size": (32, 2)}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="must be"):
        registry.build("backbones", Part("hog", options), context())
