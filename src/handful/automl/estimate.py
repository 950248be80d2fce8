"""Estimated time of a training run, from its first steps on this machine."""

import time
from dataclasses import replace

import numpy as np

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.training.schedule import plan_steps
from handful.training.train import train

STEPS = 4


def training_seconds(recipe: Recipe, data: Dataset, *, seed: int = 0, device: str = "auto") -> float:
    """Seconds that one run would take: the time before the first step, and that of all steps at the first ones' pace.

    Args:
        recipe: a recipe with stages.
        data: the training images of a run.
        seed: of the run.
        device: as for `train`.
    """
    total = plan_steps(recipe, len(data)).total
    short = replace(recipe, stages=(replace(recipe.stages[0], steps=min(STEPS, total), epochs=None),), posthoc=())
    times: list[float] = []
    started = time.monotonic()
    train(short, data, seed=seed, device=device, progress=False, log=lambda *_: times.append(time.monotonic()))
    each = float(np.median(np.diff(times))) if len(times) > 1 else times[0] - started
    return (times[0] - started) + each * total
