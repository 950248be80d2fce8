"""Processor seconds of a training: the last two stages of the embedded network against all of them.

One batch of random images and as large a share of each recipe's steps as they are of 120 images: views that are cached
and steps are in the proportion of a whole run.
"""

from functools import partial

import torch

from bench.support.jobs import cpu_seconds, images
from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from handful.recipes.load import load_recipe
from handful.training.train import train

BATCH, WHOLE = 16, 120  # images


def run(options: Options) -> None:
    """The same share of both trainings on one thread, set-up included."""
    torch.set_num_threads(1)
    data = images(per_class=BATCH // 2, side=160, classes=2)
    arms = {}
    for name in ("fine-tuned", "partial-fine-tuning"):
        steps = (load_recipe(name).stages[0].steps or WHOLE) * BATCH // WHOLE
        recipe = load_recipe(name, overrides=(f"steps={2 if options.quick else steps}",))
        arms[name] = partial(cpu_seconds, partial(train, recipe, data, device="cpu", progress=False))
    costs = take_turns(arms, repeats=1 if options.quick else 3)
    report(
        "fine-tuning",
        {"last two stages / all stages": ratio(costs, "partial-fine-tuning", "fine-tuned")},
        costs,
        quick=options.quick,
        images=len(data),
        threads=1,
        clock="processor",
    )
