"""A network whose features are all 0 is named, once, while it trains."""

import warnings

import pytest
import torch

from handful.core.tensors import Output
from handful.errors import HandfulWarning
from handful.training.dead_features import DeadFeatureCheck, dead_share
from handful.training.train import train
from tests.support.datasets import recipe, squares


def output(alive: int, *, n: int = 8, c: int = 10) -> Output:
    features = torch.zeros(n, c)
    features[0, :alive] = 1
    return Output(torch.zeros(n, 3), torch.zeros(n, 3), features)


def test_the_share_counts_features_that_are_zero_in_every_image() -> None:
    assert dead_share(output(3)) == pytest.approx(0.7)
    assert dead_share(output(10)) == 0


def test_a_network_that_dies_is_named_once_with_what_helps() -> None:
    check = DeadFeatureCheck("vipf", 0, 100, 0.1)
    check.look(output(10), 0)
    with pytest.warns(HandfulWarning, match="vipf: at step 5 100% of the features are 0 .*optimizer.lr=0.01"):
        check.look(output(0), 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check.look(output(0), 10)


def test_features_that_are_sparse_from_the_start_small_batches_and_other_steps_are_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sparse = DeadFeatureCheck("a", 0, 100, 0.1)
        sparse.look(output(0), 0)
        sparse.look(output(0), 5)
        assert (sparse.alive, sparse.warned) == (False, False)
        small = DeadFeatureCheck("a", 0, 100, 0.1)
        small.look(output(10), 0)
        small.look(output(0, n=4), 5)
        small.look(output(0), 6)
        small.look(output(3), 10)
        assert (small.alive, small.warned) == (True, False)
    with pytest.warns(HandfulWarning, match="at step 15 100% of the features are 0"):
        small.look(output(0), 15)


def test_every_step_of_a_training_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(DeadFeatureCheck, "look", lambda _, output, step: seen.append((len(output.features), step)))
    train(recipe("linear", "stages.0.steps=3"), squares(), device="cpu", progress=False)
    assert seen == [(6, 0), (6, 1), (6, 2)]
