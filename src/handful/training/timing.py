"""Time of a training's set-up and of its first steps on this machine."""

import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from handful.core.context import Fit
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.training.assembly import assemble
from handful.training.loop import begin_stage
from handful.training.setup import prepare_run
from handful.training.view_cache import cache_views


@dataclass(frozen=True)
class StepTimes:
    """Seconds of the set-up, of caching the recipe's views, and of one step; `steps` are those of all stages."""

    setup: float
    views: float
    step: float
    steps: int

    @property
    def total(self) -> float:
        """Seconds of a whole training at this pace."""
        return self.setup + self.views + self.step * self.steps


def time_first_steps(recipe: Recipe, data: Dataset, *, seed: int, device: str, fit: Fit, steps: int) -> StepTimes:
    """Set a training up, take its first steps, and throw the network away. Of cached views, one is computed.

    Args:
        recipe: a recipe with stages.
        data: the training split.
        seed: of the run.
        device: as for `train`.
        fit: trains a nested run, for parts that need a network of their own.
        steps: that are timed, at most.

    Raises:
        DataError, RecipeError, TrainingError: as `train`, before its first step.
    """
    started = time.monotonic()
    with torch.random.fork_rng():
        setup = prepare_run(replace(recipe, cache_views=0), data, seed=seed, device=device, fit=fit)
        assembly = assemble(setup)
        times = [time.monotonic()]
        if recipe.cache_views:
            views = cache_views(
                assembly.network,
                setup.tensors,
                assembly.augment,
                precision=recipe.precision,
                views=1,
                classes=len(setup.data.classes),
                seed=seed,
            )
            assembly = replace(assembly, views=views)
            times.append(time.monotonic())
        view = times[-1] - times[0]
        training = begin_stage(setup, assembly, 0, start=0, restored=None)
        for step in range(min(steps, training.steps)):
            training.gradients(step).detach().item()  # an accelerator finishes its work
            training.update(step)
            times.append(time.monotonic())
    each = np.diff(times)[1 if recipe.cache_views else 0 :]
    return StepTimes(
        setup=times[0] - started,
        views=view * recipe.cache_views,
        step=float(np.median(each[1:] if len(each) > 1 else each)),
        steps=setup.plan.total,
    )
