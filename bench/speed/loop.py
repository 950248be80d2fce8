"""Overhead of `handful.train` over a bare PyTorch loop: checks, seeds and bookkeeping of each step."""

from functools import partial

import torch

from bench.support.jobs import bare_loop, cpu_seconds, images, recipe
from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from handful.training.train import train

# head, depth, width, side, precision: the job of the MNIST table, the same in float32, and a network so small that
# what is not the network shows.
JOBS = (
    ("segmentation", 16, 2, 28, "bf16", 40),
    ("segmentation", 16, 2, 28, "fp32", 25),
    ("linear", 10, 1, 28, "bf16", 150),
)


def run(options: Options) -> None:
    """Processor seconds from a data set to trained weights, both on one thread, set-up included."""
    torch.set_num_threads(1)
    for head, depth, width, side, precision, steps in JOBS:
        steps, repeats = (4, 1) if options.quick else (steps, 7)
        data = images(per_class=10, side=side)
        wish = recipe(head=head, depth=depth, width=width, batch=20, steps=steps, precision=precision)
        arms = {
            "handful": partial(cpu_seconds, partial(train, wish, data, device="cpu", progress=False)),
            "bare": partial(cpu_seconds, partial(bare_loop, wish, data)),
        }
        costs = take_turns(arms, repeats=repeats)
        report(
            f"loop: WRN-{depth}-{width} {head}",
            {"handful.train / bare PyTorch loop": ratio(costs, "handful", "bare")},
            costs,
            quick=options.quick,
            precision=precision,
            side=side,
            batch=20,
            steps=steps,
            threads=1,
            clock="processor",
        )
