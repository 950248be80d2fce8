"""Memory layouts on a CPU: channels-last against channels-first, with batch norm and with group norm."""

from dataclasses import replace
from functools import partial

import torch

from bench.support.jobs import bare_loop, cpu_seconds, images, recipe
from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from handful.core.recipe import Part, Recipe


def run(options: Options) -> None:
    """Processor seconds of a bare loop on one thread; above 1, channels-last is faster."""
    torch.set_num_threads(1)
    data = images(per_class=10, side=28)
    steps, repeats = (2, 1) if options.quick else (12, 5)
    for precision in ("fp32", "bf16"):
        for norm in ("batch", "group"):
            plain = recipe(head="segmentation", depth=16, width=2, batch=20, steps=steps, precision=precision)
            wish = _normed(plain, norm)
            arms = {
                "first": partial(cpu_seconds, partial(bare_loop, wish, data, channels_last=False)),
                "last": partial(cpu_seconds, partial(bare_loop, wish, data, channels_last=True)),
            }
            costs = take_turns(arms, repeats=repeats)
            report(
                f"layout: WRN-16-2 segmentation, {norm} norm",
                {"channels-first / channels-last": ratio(costs, "first", "last")},
                costs,
                quick=options.quick,
                precision=precision,
                side=28,
                batch=20,
                threads=1,
                clock="processor",
            )


def _normed(wish: Recipe, norm: str) -> Recipe:
    def with_norm(part: Part) -> Part:
        return replace(part, options={**part.options, "norm": norm})

    return replace(wish, backbone=with_norm(wish.backbone), head=with_norm(wish.head))
