"""A comparison that takes no time: fake trainers on coloured squares."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from handful.comparison.compare import compare
from handful.comparison.result import CandidateRecipe, ComparisonResult
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.evaluation.evaluate import Protocol
from handful.recipes.load import from_toml
from tests.support.datasets import RECIPE, squares
from tests.support.trainers import LrTrainer

SEARCH = """
[search]
lr = { low = 0.001, high = 1.0, log = true }
steps = [6, 12]
"""


class Clock:
    """Stands for the time module of `handful.evaluation.job`: a call of the fake trainer takes 0.1 s."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def perf_counter(self) -> float:
        """Seconds since the first call."""
        return 0.1 * len(LrTrainer(self.log).calls)


def searched(name: str, *overrides: str, search: str = SEARCH) -> Recipe:
    """A tiny recipe with a search space; its learning rate of 0.002 is far from the fake trainer's best, 0.1."""
    text = RECIPE.replace("{head}", "linear").replace("{losses}", '{ name = "cross_entropy" }').replace("0.05", "0.002")
    return from_toml(text + search, where=name, overrides=(f"name={name}", *overrides))


def data(per_class: int = 8) -> Dataset:
    """Images to train on and four per class to test."""
    train, test = squares(per_class, seed=1, split="train"), squares(4, seed=2, split="test")
    return Dataset(train.samples + test.samples, train.classes)


def compared(
    folder: Path,
    trainer: LrTrainer,
    *,
    names: tuple[str, ...] = ("control", "method"),
    per_class: tuple[int | None, ...] = (6,),
    draws: int = 2,
    trials: int | None = 3,
    seconds: float | None = None,
    samples: Dataset | None = None,
    **other: Any,
) -> ComparisonResult:
    """Compare tiny recipes; the first name is a control."""
    recipes = [searched(name) for name in names]
    candidates = [CandidateRecipe(n, "control" if i == 0 else "method", True, "requested") for i, n in enumerate(names)]
    protocol = other.pop("protocol", Protocol(tuple(range(draws))))
    return compare(
        recipes,
        samples or data(),
        folder,
        trials=trials,
        seconds=seconds,
        per_class=per_class,
        protocol=protocol,
        candidates=candidates,
        trainer=trainer,
        device="cpu",
        progress=False,
        **other,
    )


def without_time(outcome: ComparisonResult) -> Any:
    """What must be equal in two comparisons that are the same."""
    return [replace(s, seconds=0.0) for s in outcome.studies], [
        [(e.recipe, e.summary) for e in level.entries] for level in outcome.levels
    ]
