from typing import Any

import pytest
import torch

from tests.parts.heads.fitted_heads import PLAIN, assert_refused, build_fitted


def test_labels_spread_along_a_chain_that_its_ends_name() -> None:
    angles = torch.linspace(0, 1.2, 30)
    near = torch.stack([angles.cos(), angles.sin(), torch.zeros(30)], dim=1)
    far = torch.stack([torch.zeros(30), angles.sin() + 0.3, angles.cos()], dim=1)  # another chain, elsewhere
    third = torch.tensor([[-1.0, 0, 0], [-1, 0.1, 0]])
    x, y = torch.cat([near, far, third]), torch.full((62,), -1)
    y[0], y[59], y[60] = 0, 1, 2
    options = {**PLAIN, "neighbors": 3, "spread": 0.9, "power": 1.0}
    head = build_fitted("label_propagation", options, channels=3)
    head.fit(x[:, None], y, seed=0)
    assert (head.output(near[:28]).logits.argmax(dim=1) == 0).all()
    assert (head.output(far[2:]).logits.argmax(dim=1) == 1).all()


@pytest.mark.parametrize("options", [{"spread": 1}, {"neighbors": 0.5}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("label_propagation", options)
