"""Shear: rows stay where they are, columns slant by up to the angle."""

import torch

from handful.core.context import Context
from handful.core.recipe import Part
from handful.parts import registry
from handful.parts.augment._warp import Warp
from tests.parts.augment._support import dot_centers, dots
from tests.parts.augment.conftest import seeded


def test_shear_slants_upright_lines_only(context: Context) -> None:
    shear = registry.build("augment", Part("shear", {"degrees": 30.0}), context)
    down, across = dot_centers(shear(dots(300, 91, 61, 20.0, 0.0), seeded(0)).images)
    torch.testing.assert_close(down, torch.full((300,), 20.0), atol=0.05, rtol=0)
    slants = torch.atan2(across.abs(), down).rad2deg()
    assert 28 < slants.max() < 30.1


def test_options_of_the_warp(context: Context) -> None:
    options = {"degrees": 20.0}
    built = registry.build("augment", Part("shear", options), context)
    assert built == Warp(shear=20.0)
