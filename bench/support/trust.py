"""Shared by the trust tables: data sets at a size for two cores, and recipes with their posthoc parts."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from bench.support.data import cells_once, cifar10, few_test_images
from bench.support.options import Options
from bench.support.record import append
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.core.result import Result
from handful.evaluation.calibration import summarise_calibration
from handful.recipes.load import load_recipe
from handful.reports.text_tables import format_measures

HEADS = ("logistic-lite0", "nearest-centroid-lite0")
SCORED = 100  # test images of each class of CIFAR-10
SIZE = "image_size=[128, 128]"  # of the recipes' 224: a third of the time


def bare_cells(folder: Path) -> Dataset:
    """White blood cells, each image once, without their masks."""
    data = cells_once(folder)
    bare = tuple(replace(s, mask=None, mask_source=None) for s in data.samples)
    return replace(data, samples=bare)


def cifar10_small(folder: Path) -> Dataset:
    """CIFAR-10 with its whole training part, and the first 100 test images of each class by id."""
    return few_test_images(cifar10(folder), SCORED)


def calibrated(name: str, *parts: Part, called: str, quick: bool = False) -> Recipe:
    """A recipe with posthoc parts behind its own, under another name."""
    recipe = load_recipe(name, overrides=(SIZE, *(("steps=4",) if quick and name.startswith("classification") else ())))
    return replace(recipe, name=called, posthoc=(*recipe.posthoc, *parts))


def tell(table: str, called: str, results: Sequence[Result], options: Options) -> None:
    """Print how far probabilities and sets of a data set can be trusted, and log it: a line for each measure."""
    found = summarise_calibration(results)
    print(f"{called}\n{format_measures(found, width=100)}\n")
    for one in found:
        values = {k: v for k, v in asdict(one).items() if not (isinstance(v, float) and math.isnan(v))}
        append(f"{table}-measures", {"data": called, **values}, quick=options.quick)
