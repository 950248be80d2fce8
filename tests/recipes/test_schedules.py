"""Schedules of fine-tuning differ from a method's own recipe in the schedule and in nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from handful.core.recipe import Recipe
from handful.parts.registry import build_network
from handful.recipes.load import load_recipe
from handful.training.optimizer import choose_trainable
from handful.training.train import train
from tests.support.datasets import context, squares

SCHEDULES = ("head-first", "layer-decay", "frozen-norm", "full")
METHODS = {"": "classification", "cvs-": "cvs", "soft-labels-": "soft-labels"}
CELLS = [(schedule, prefix) for schedule in SCHEDULES for prefix in METHODS]


def cell(schedule: str, prefix: str) -> tuple[Recipe, Recipe]:
    """A schedule with a method, and the method's own recipe."""
    return load_recipe(f"{prefix}{schedule}"), load_recipe(METHODS[prefix])


@pytest.mark.parametrize(("schedule", "prefix"), CELLS)
def test_everything_but_the_schedule_is_the_methods(schedule: str, prefix: str) -> None:
    own, base = cell(schedule, prefix)
    assert own.backbone.options == {**base.backbone.options, "freeze": "none"}
    for field in ("head", "labels", "prepare", "augment", "posthoc", "batch_size", "image_size", "ema"):
        assert getattr(own, field) == getattr(base, field), field
    assert sum(stage.steps or 0 for stage in own.stages) == base.stages[0].steps
    for stage in own.stages:
        assert stage.losses == base.stages[0].losses
        kept = {"lr": base.stages[0].optimizer.lr, "layer_decay": 1.0}
        assert replace(stage.optimizer, **kept) == base.stages[0].optimizer  # type: ignore[arg-type]
        assert stage.schedule == base.stages[0].schedule
        assert stage.statistics == ("batch" if schedule == "full" else "frozen")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_are_in_the_same_proportion_to_each_methods_own(schedule: str) -> None:
    shares = []
    for prefix in METHODS:
        own, base = cell(schedule, prefix)
        shares.append([stage.optimizer.lr / base.stages[0].optimizer.lr for stage in own.stages])
    np.testing.assert_allclose(shares, [shares[0]] * len(METHODS))


@pytest.mark.parametrize("prefix", METHODS)
def test_head_first_leaves_the_backbone_to_its_second_stage(prefix: str) -> None:
    own, _ = cell("head-first", prefix)
    network = build_network(own, replace(context("linear"), recipe=own))
    names = {id(p): name for name, p in network.named_parameters()}
    first, second = ([names[id(p)] for p in choose_trainable(network, stage)] for stage in own.stages)
    assert not any(name.startswith("backbone") for name in first)
    assert set(second) == set(names.values())
    assert set(first) == {name for name in second if not name.startswith("backbone")}


@pytest.mark.parametrize(("schedule", "prefix"), [*((s, "") for s in SCHEDULES), ("layer-decay", "cvs-")])
def test_it_trains(schedule: str, prefix: str) -> None:
    own = load_recipe(f"{prefix}{schedule}", overrides=("steps=1", "image_size=[32, 32]", "batch_size=4"))
    found = train(own, squares(2), progress=False).probabilities(squares(1, seed=3))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
