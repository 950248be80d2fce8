from dataclasses import replace

import pytest
import torch

from handful.core.recipe import Part
from handful.evaluation.operations import forward_flops, training_flops
from handful.recipes.load import load_recipe
from handful.training.train import train
from tests.support.datasets import CLASSES, recipe, squares


def test_forward_flops_of_a_known_convolution() -> None:
    """Against a count by hooks: 2 x kernel x positions for each convolution and linear layer."""
    plan = recipe("linear")
    classifier = train(plan, squares(2), progress=False)
    total = 0

    def count(module: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        if isinstance(module, torch.nn.Conv2d):
            total += 2 * output.numel() * module.weight[0].numel()
        elif isinstance(module, torch.nn.Linear):
            total += 2 * output.numel() * module.in_features

    for module in classifier.network.modules():
        module.register_forward_hook(count)
    with torch.inference_mode():
        classifier.network(torch.zeros(1, 3, 12, 12))
    labels = 2 * len(CLASSES) ** 2  # comparing the embedding with the one-hot vectors
    assert forward_flops(plan, CLASSES, size=(12, 12)) == pytest.approx(total, abs=labels)


def test_forward_flops_of_an_ensemble_are_its_members() -> None:
    plan = replace(recipe("linear"), posthoc=(Part("ensemble", {"members": 3, "recipes": ("classification-wrn",)}),))
    own = forward_flops(recipe("linear"), CLASSES, size=(12, 12))
    other = forward_flops(load_recipe("classification-wrn"), CLASSES, size=(12, 12))
    assert forward_flops(plan, CLASSES, size=(12, 12)) == 3 * own + other


def test_training_flops_counts_every_epoch() -> None:
    plan = recipe("linear")
    epochs = replace(plan, stages=(replace(plan.stages[0], steps=None, epochs=4),))
    assert training_flops(epochs, 20, 1.0) == pytest.approx(4 * 20 * 3)
