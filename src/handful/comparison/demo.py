"""Demonstration: small networks on the MNIST digits of the installation, done within minutes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from handful.comparison.sweep import sweep_to
from handful.core.dataset import Dataset
from handful.core.result import Result
from handful.data.readers.embedded import read_embedded
from handful.data.splits import holdout
from handful.evaluation.evaluate import Protocol
from handful.recipes.load import load_recipe

RECIPES = ("classification-wrn", "cvs-wrn", "cvs-joint-wrn")
# The strong warps and weight decay of these recipes help at their 3,000 steps; at so few they hurt.
WARPS = 'augment=[{name="affine",degrees=15.0,translate=0.1,scale=[0.85,1.15],shear=10.0,elastic=0.06}]'
SMALL = ("backbone.depth=10", "steps=500", "stages.0.optimizer.weight_decay=5e-4", WARPS)
PER_CLASS = (1, 5)
DRAWS = 3
TEST_SHARE = 0.2

INTRODUCTION = (
    "5,000 MNIST digits: a fifth is the test part; from the rest, 1 or 5 of each digit are drawn to train on, "
    f"{DRAWS} times over. The networks are small and train for few steps: these scores are not a benchmark."
)


def demo_data(name: str = "mnist5k") -> Dataset:
    """An embedded data set with a fixed test part, stratified."""
    train, test = holdout(read_embedded(name), TEST_SHARE, 0)
    parts = [replace(s, split="train") for s in train.samples] + [replace(s, split="test") for s in test.samples]
    return Dataset(tuple(parts), train.classes)


def run_demo(
    folder: Path,
    data: Dataset,
    *,
    per_class: Sequence[int] = PER_CLASS,
    draws: int = DRAWS,
    overrides: Sequence[str] = (),
    jobs: int = 2,
    device: str = "auto",
    resume: bool = False,
    progress: bool = True,
) -> tuple[list[Result], Path]:
    """Sweep classification against segmentation, and return the results and the path of the report.

    Arguments as for `sweep_to`; `overrides` are applied after the demonstration's own.
    """
    plans = [load_recipe(name, overrides=(*SMALL, *overrides)) for name in RECIPES]
    return sweep_to(
        folder,
        plans,
        data,
        per_class=per_class,
        protocol=Protocol(tuple(range(draws))),
        jobs=jobs,
        device=device,
        resume=resume,
        progress=progress,
    )
