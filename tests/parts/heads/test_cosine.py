import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from handful.core.recipe import Part
from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.parts import registry
from tests.support.datasets import context

BACKBONE = Backbone(nn.Identity(), 16, 4)


def test_logits_are_cosines_times_the_scale() -> None:
    given = context()
    head = registry.build("heads", Part("cosine", {"scale": 8.0, "norm": "none"}), given, backbone=BACKBONE).eval()
    maps = torch.randn(5, 16, 3, 4, generator=torch.Generator().manual_seed(0))
    output = head(maps, size=(12, 16), compare=given.labels.logits)
    wanted = [[8 * math.cos(angle(f, w)) for w in head.linear.weight] for f in maps.mean(dim=(2, 3))]
    torch.testing.assert_close(output.logits, torch.tensor(wanted))
    torch.testing.assert_close(output.features, maps.mean(dim=(2, 3)))
    longer = head(3 * maps, size=(12, 16), compare=given.labels.logits)
    torch.testing.assert_close(longer.logits, output.logits)
    assert set(head.state_dict()) == {"linear.weight"}


def angle(a: torch.Tensor, b: torch.Tensor) -> float:
    return math.acos(F.cosine_similarity(a.double(), b.double(), dim=0).item())


def test_a_scale_that_is_none_is_refused() -> None:
    with pytest.raises(RecipeError, match="scale must be above 0"):
        registry.build("heads", Part("cosine", {"scale": 0.0}), context(), backbone=BACKBONE)
