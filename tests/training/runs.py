"""Training runs that are set up and assembled, not yet trained."""

from typing import Any

import torch

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.training.assembly import Assembly, assemble
from handful.training.random_streams import Stream, derive_seed
from handful.training.setup import Setup, prepare_run
from handful.training.train import train
from tests.support.datasets import squares


def no_fit(recipe: Recipe, data: Dataset, seed: int) -> Any:
    """In the place of a nested training that is not expected."""
    raise AssertionError(f"{recipe.name} is trained on {len(data)} images from seed {seed}")


def set_up(recipe: Recipe, data: Dataset | None = None, *, seed: int = 0) -> Setup:
    """The set-up of a run on the CPU; by default on four squares of each class."""
    return prepare_run(recipe, squares() if data is None else data, seed=seed, device="cpu", fit=no_fit)


def assembled(recipe: Recipe, data: Dataset | None = None, *, seed: int = 0) -> tuple[Setup, Assembly]:
    """The set-up and its parts, with the initial weights that `train` draws."""
    setup = set_up(recipe, data, seed=seed)
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, Stream.WEIGHTS))
        return setup, assemble(setup)


def trained_weights(recipe: Recipe, data: Dataset, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights after a whole training."""
    return dict(train(recipe, data, seed=seed, device="cpu", progress=False).network.state_dict())
