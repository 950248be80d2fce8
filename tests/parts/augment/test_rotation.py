"""Rotation: a dot keeps its distance from the center, angles are uniform."""

import math

import pytest
import torch

from handful.core.context import Context
from handful.core.recipe import Part
from handful.parts import registry
from handful.parts.augment._warp import Warp
from tests.parts.augment._support import dot_centers, dots
from tests.parts.augment.conftest import seeded


def test_rotation_keeps_distances_on_an_oblong_image(context: Context) -> None:
    rotation = registry.build("augment", Part("rotation", {"degrees": 40.0}), context)
    down, across = dot_centers(rotation(dots(300, 61, 91, 0.0, 18.0), seeded(0)).images)
    torch.testing.assert_close((down**2 + across**2).sqrt(), torch.full((300,), 18.0), atol=0.05, rtol=0)
    angles = torch.atan2(down, across).rad2deg()
    assert angles.abs().max() < 40.1
    assert angles.abs().max() > 38
    assert abs(angles.mean()) < 5  # a standard error is 1.3
    assert angles.std() == pytest.approx(40 / math.sqrt(3), rel=0.1)


def test_options_of_the_warp(context: Context) -> None:
    options = {"degrees": 20.0}
    built = registry.build("augment", Part("rotation", options), context)
    assert built == Warp(degrees=20.0)
