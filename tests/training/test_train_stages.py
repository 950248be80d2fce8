"""Stages that sample by class, and stages that begin a part of the network anew."""

from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.errors import RecipeError, TrainingError
from handful.recipes.load import from_toml
from handful.recipes.write import fingerprint, to_toml
from handful.training.optimizer import initial_values, reset
from handful.training.train import train
from tests.support.datasets import recipe, squares
from tests.support.resume import stopped_and_resumed


def long_tailed() -> Dataset:
    """Six blue squares, three green, one red."""
    data = squares(6)
    return data.select([0, 1, 2, 3, 4, 5, 6, 7, 8, 12])


def two_stages(*, trainable: tuple[str, ...] = ("head.linear",), ema: float | None = None) -> Recipe:
    """Classifier re-training in miniature."""
    own = replace(recipe("linear", "steps=6"), ema=ema)
    second = replace(own.stages[0], sampler="balanced", trainable=trainable, reset=("head.linear",))
    return replace(own, stages=(own.stages[0], second))


def test_samplers_and_resets_are_in_the_text_and_the_fingerprint_only_where_given() -> None:
    own = recipe("linear")
    assert "sampler" not in to_toml(own)
    assert "reset" not in to_toml(own)
    both = two_stages()
    assert from_toml(to_toml(both), where="tiny") == both
    for changed in ({"sampler": "square_root"}, {"reset": ("head",)}):
        assert fingerprint(own) != fingerprint(replace(own, stages=(replace(own.stages[0], **changed),)))
    assert recipe("linear", "stages.0.reset=head").stages[0].reset == ("head",)
    assert recipe("linear", "stages.0.trainable=head").stages[0].trainable == ("head",)


def test_only_the_reset_part_changes_in_a_stage_that_trains_it_alone() -> None:
    data, own = long_tailed(), two_stages()
    first = train(replace(own, stages=own.stages[:1]), data, progress=False).network.state_dict()
    second = train(own, data, progress=False).network.state_dict()
    changed = {name for name, value in first.items() if not value.equal(second[name])}
    # Norms before the pool are the backbone's as far as their parameters go; their statistics stay as well.
    assert changed == {"head.linear.weight", "head.linear.bias"}


def test_reset_puts_the_first_weights_back() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1))
    stage = replace(two_stages().stages[1], reset=("1", "2"))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    kept = initial_values(network, stage)
    for value in network.state_dict().values():
        value.add_(1)
    reset(network, kept)
    for name, value in network.state_dict().items():
        assert value.equal(before[name]) == (not name.startswith("0."))
    with pytest.raises(TrainingError, match=r"(?s)reset = 'haed'.*there are"):
        initial_values(network, replace(stage, reset=("haed",)))


@pytest.mark.parametrize("stop", [4, 6, 9])
@pytest.mark.parametrize("ema", [None, 0.9])
def test_stopped_anywhere_it_ends_as_if_nothing_had_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int, ema: float | None
) -> None:
    data, own = long_tailed(), two_stages(trainable=("head",), ema=ema)
    whole = train(own, data, progress=False)
    resumed = stopped_and_resumed(own, data, tmp_path / "run", monkeypatch, at=stop + 1)
    for name, value in whole.network.state_dict().items():
        assert value.equal(resumed.network.state_dict()[name]), name


def test_a_balanced_stage_sees_the_classes_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    from handful.data.in_memory import ImageTensors

    seen: list[int] = []
    batch = ImageTensors.batch

    def look(self: ImageTensors, index: torch.Tensor, classes: int) -> object:
        seen.extend(self.labels[index].tolist())
        return batch(self, index, classes)

    monkeypatch.setattr(ImageTensors, "batch", look)
    train(recipe("linear", "steps=12", "stages.0.sampler=balanced"), long_tailed(), progress=False)
    counts = np.bincount(seen)
    assert counts.sum() >= 50
    assert np.ptp(counts) <= 6


def early(threshold: float | None = 0.5) -> Recipe:
    """A recipe that has learned the squares before its steps are over."""
    own = recipe("linear", "steps=60", "lr=0.1")
    return replace(own, stages=(replace(own.stages[0], stopping_threshold=threshold),))


def losses_of(own: Recipe, data: Dataset) -> tuple[list[float], int]:
    """The loss of each step, and the number of steps on the card."""
    losses: list[float] = []
    classifier = train(own, data, progress=False, log=lambda values, _: losses.append(values["loss"]))
    return losses, classifier.card["steps"]


def test_a_stage_ends_once_the_average_loss_is_below_the_threshold() -> None:
    data = squares(4)
    whole, planned = losses_of(early(None), data)
    stopped, taken = losses_of(early(), data)
    averages = accumulate(whole, lambda average, loss: 0.9 * average + 0.1 * loss)
    first_below = next(step for step, average in enumerate(averages, start=1) if average < 0.5)
    assert planned == len(whole) == 60
    assert taken == len(stopped) == first_below < 60
    assert stopped == whole[:taken]


@pytest.mark.parametrize("early_by", [1, 4])
def test_a_resumed_run_stops_at_the_same_step(early_by: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = squares(4)
    whole = train(early(), data, progress=False)
    at = whole.card["steps"] - early_by
    resumed = stopped_and_resumed(early(), data, tmp_path / "run", monkeypatch, at=at)
    assert resumed.card["steps"] == whole.card["steps"]
    for name, value in whole.network.state_dict().items():
        assert value.equal(resumed.network.state_dict()[name]), name


def test_the_stage_after_one_that_stopped_early_takes_its_own_steps() -> None:
    own = early()
    _, taken = losses_of(own, squares(4))
    second = replace(own.stages[0], steps=3, stopping_threshold=None)
    assert losses_of(replace(own, stages=(*own.stages, second)), squares(4))[1] == taken + 3


def test_a_threshold_is_in_the_text_only_where_given_and_is_above_0() -> None:
    assert "stopping_threshold" not in to_toml(recipe("linear"))
    assert from_toml(to_toml(early()), where="tiny") == early()
    with pytest.raises(RecipeError, match="stopping_threshold must be above 0"):
        recipe("linear", "stages.0.stopping_threshold=0.0")
