"""Accuracy per annotation time on white blood cells: labels alone, or with masks from each annotation tool.

The scripted hand of `annotate-tools` draws the masks, so seconds are modelled, and scores are those of networks that
learn from what it drew, with all its misses. Five masks per class at most, the rest propagated, as in `cvs-cells`.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.support.accuracy import run_sweep, show
from bench.support.data import cells_once
from bench.support.options import Options
from bench.support.record import append
from bench.tables.annotate_tools import Hand, brush, grabcut
from bench.tables.cvs_cells import CONTROL, PROPAGATE, SETTINGS
from handful.core.dataset import Dataset, Mask
from handful.data.images import pixels
from handful.evaluation.annotation_cost import PAPER, AnnotationTimes, cost_points
from handful.recipes.load import load_recipe
from handful.reports.text_tables import format_cost

TABLE = "annotate-curve"
LABEL = PAPER["cifar10"].label  # seconds; the paper's person
LABELS_ALONE = "labels alone"
TOOLS: dict[str, Callable[[Hand, Mask], Mask]] = {"masks by brush": brush, "masks by GrabCut from a box": grabcut}


def run(options: Options) -> None:
    """Labels alone, then a row for each tool, on the same draws; then all of them against minutes."""
    data = cells_once(options.folder())
    quick = ("steps=4",) if options.quick else ()
    few = replace(options, draws=1 if options.quick else options.draws)
    seconds = {LABELS_ALONE: 0.0}
    control = replace(load_recipe(CONTROL, overrides=(*SETTINGS, *quick)), name=LABELS_ALONE)
    results = run_sweep(TABLE, [control], data, few, per_class=(5, 10, 15))
    for name, tool in TOOLS.items():
        drawn, seconds[name] = _drawn(data, tool)
        recipe = replace(load_recipe("cvs-lite0", overrides=(*SETTINGS, PROPAGATE, *quick)), name=name)
        results += run_sweep(TABLE, [recipe], drawn, few, per_class=(5, 10))
    show(results, control=LABELS_ALONE)
    points = [p for r in results for p in cost_points([r], AnnotationTimes(LABEL, seconds[r.recipe.name]))]
    print()
    print(format_cost(points))
    for point in points:
        line = {
            "row": point.recipe,
            "per_class": point.per_class,
            "labels": point.labels,
            "masks": point.masks,
            "mask_seconds": round(seconds[point.recipe], 1),
            "minutes": round(60 * point.hours, 2),
            "score": round(point.mean, 4),
        }
        append(f"{TABLE}-points", line, quick=options.quick)


def _drawn(data: Dataset, tool: Callable[[Hand, Mask], Mask]) -> tuple[Dataset, float]:
    """The data with masks as a tool draws them, and its mean seconds for one."""
    samples, seconds = [], []
    for i, sample in enumerate(data.samples):
        truth = sample.mask
        assert truth is not None
        hand = Hand(pixels(sample), np.random.default_rng(i))
        samples.append(replace(sample, mask=tool(hand, truth)))
        seconds.append(hand.seconds)
    return replace(data, samples=tuple(samples)), float(np.mean(seconds))
