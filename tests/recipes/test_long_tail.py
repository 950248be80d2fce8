"""The recipes for long tails differ from the control in nothing but their method, and train."""

import numpy as np
import pytest

from handful.recipes.load import load_recipe
from handful.training.train import train
from tests.support.datasets import squares

NAMES = (
    "resample-wrn",
    "reweight-wrn",
    "ldam-wrn",
    "ldam-drw-wrn",
    "class-balanced-focal-wrn",
    "balanced-softmax-wrn",
    "logit-adjustment-wrn",
    "crt-wrn",
    "tau-norm-wrn",
)


@pytest.mark.parametrize("name", NAMES)
def test_network_augmentation_and_budget_are_the_controls(name: str) -> None:
    control, own = load_recipe("classification-wrn"), load_recipe(name)
    for field in ("backbone", "augment", "prepare", "labels", "batch_size", "fill_batch", "image_size", "ema"):
        assert getattr(own, field) == getattr(control, field), field
    assert sum(stage.steps or 0 for stage in own.stages) == control.stages[0].steps
    assert all(stage.optimizer == control.stages[0].optimizer for stage in own.stages)
    assert own.stages[0].schedule == control.stages[0].schedule


@pytest.mark.parametrize("name", NAMES)
def test_it_trains_on_a_long_tail(name: str) -> None:
    data = squares(5).select([0, 1, 2, 3, 4, 5, 6, 10])  # five blue, two green, one red
    classifier = train(load_recipe(name, overrides=("steps=2", "precision=fp32")), data, progress=False)
    found = classifier.probabilities(squares(1, seed=3))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
