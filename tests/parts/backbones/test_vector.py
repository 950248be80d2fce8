import pytest
import torch
from torch import nn

from handful.core.recipe import Part
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.backbones._vector import to_maps, vector_backbone
from tests.support.datasets import context


def test_one_vector_is_a_map_of_one_cell_for_images_of_any_size() -> None:
    vectors = torch.arange(6.0).view(2, 3)
    assert to_maps(vectors).shape == (2, 3, 1, 1)
    assert torch.equal(to_maps(vectors).flatten(1), vectors)
    backbone = vector_backbone(nn.Identity(), 3, mean=0.25, std=2.0)
    assert (backbone.channels, backbone.mean, backbone.std) == (3, (0.25,) * 3, (2.0,) * 3)
    assert -(-10_000 // backbone.stride) == 1


def test_heads_that_score_pixels_refuse_it() -> None:
    backbone = vector_backbone(nn.Identity(), 3)
    with pytest.raises(RecipeError, match="one vector for the whole image"):
        registry.build("heads", Part("segmentation"), context(), backbone=backbone)
