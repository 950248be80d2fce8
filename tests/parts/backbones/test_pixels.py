from dataclasses import replace

import pytest
import torch

from handful.core.context import Context
from handful.core.recipe import Part
from handful.errors import RecipeError
from handful.parts import registry
from tests.support.datasets import context


def sized(h: int, w: int) -> Context:
    made = context()
    return replace(made, recipe=replace(made.recipe, image_size=(h, w)))


def test_pixels_are_the_image_or_its_mean_over_a_grid() -> None:
    x = torch.rand(2, 3, 6, 8)
    whole = registry.build("backbones", Part("pixels"), sized(6, 8))
    torch.testing.assert_close(whole.network(x)[:, :, 0, 0], x.flatten(1))
    grid = registry.build("backbones", Part("pixels", {"size": (3, 2)}), context())
    torch.testing.assert_close(grid.network(x)[:, :, 0, 0], x.reshape(2, 3, 3, 2, 2, 4).mean(dim=(3, 5)).flatten(1))
    with pytest.raises(RecipeError, match=r"(?s)not known in advance.*image_size"):
        registry.build("backbones", Part("pixels"), context())
    with pytest.raises(RecipeError, match="must be 1 or more"):
        registry.build("backbones", Part("pixels", {"size": 0}), context())
