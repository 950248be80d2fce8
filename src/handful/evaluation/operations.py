"""Operations (multiply-adds count as 2) of a recipe's networks: of a forward pass, and of a training."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from handful.core.context import Task
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.parts import registry
from handful.parts.posthoc.ensemble import members_of
from handful.recipes.load import load_recipe
from handful.training.schedule import plan_steps


def training_flops(recipe: Recipe, n_train: int, forward: float) -> float:
    """Operations of one training: steps x batch x 3 x forward (a backward pass costs about two forward ones).

    All views count, and networks that are trained beside the one that predicts. Leaves out what `prepare` trains. Each
    stage counts in full, also where part of the network is frozen.
    """
    rows = 0.0
    for stage, plan in zip(recipe.stages, plan_steps(recipe, n_train).stages, strict=True):
        images = float(np.mean(plan.rows))
        unlabelled = float(np.mean(plan.unlabelled)) if plan.unlabelled else 0.0
        of_views = sum(images if view.of == "all" else unlabelled for view in stage.views)
        rows += plan.steps * (images + of_views)
    return float((1 + recipe.peers) * rows * 3 * forward)


def flops_by_recipe(results: Sequence[Result], *, side: int | None = None) -> dict[str, float]:
    """Operations of one image's forward pass (`forward_flops`) of each recipe, by its name.

    Args:
        results: of one or more recipes.
        side: height and width of the images; None: the recipe's image size. Recipes without one are left out.

    Raises:
        RecipeError, WeightsError: a network cannot be built.
    """
    flops = {}
    for result in results:
        size = result.recipe.image_size if side is None else (side, side)
        if size is not None:
            flops[result.recipe.name] = forward_flops(result.recipe, result.classes, size=size)
    return flops


def forward_flops(recipe: Recipe, classes: Sequence[str], *, size: tuple[int, int]) -> float:
    """Operations (a multiply-add counts as 2) of one image's forward pass at h x w, counted by torch.

    Those of an ensemble's members are added up, each at its recipe's own size where it has one.

    Raises:
        RecipeError, WeightsError: the network cannot be built.
    """
    for part in recipe.posthoc:
        if part.name == "ensemble":
            numbers = {k: v for k, v in part.options.items() if k in ("members", "recipes")}
            plans = members_of(recipe, load_recipe, **numbers)
            each = {id(plan): forward_flops(plan, classes, size=plan.image_size or size) for plan in plans}
            return sum(each[id(plan)] for plan in plans)
    task = Task(tuple(classes), np.ones(len(classes), dtype=np.int64))
    with torch.random.fork_rng():
        labels = registry.build_labels(recipe, task)
        network = registry.build_network(recipe, registry.make_context(recipe, task, labels=labels)).eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, *size))
    return float(counter.get_total_flops())
