"""Ensembles of small networks against one larger network at equal compute, from random weights (CIFAR-10).

Brigato and Iocchi 2021, https://arxiv.org/abs/2111.14493: with few images, several small networks beat a large one
that takes as long. All rows have the augmentation and the steps of `cvs-cifar` and the recipes' schedule; none was
looked for on these images.
"""

from collections.abc import Sequence
from dataclasses import replace

from bench.support.accuracy import run_sweep, show
from bench.support.data import cifar10, few_test_images
from bench.support.options import Options
from bench.support.record import append
from bench.tables.cvs_cifar import NATURAL, STEPS
from handful.core.recipe import Recipe
from handful.evaluation.operations import forward_flops
from handful.recipes.load import load_recipe

CONTROL = "classification-wide-wrn"
ROWS: dict[str, tuple[str, Sequence[str]]] = {
    "WRN-16-4": (CONTROL, ()),
    "4 x WRN-16-2": ("small-ensemble-wrn", ()),
    "WRN-16-2": ("classification-wrn", ()),
    "15 x WRN-16-1": ("small-ensemble-wrn", ("backbone.width=1", "posthoc.0.members=15")),
}
PER_CLASS = (10,)
SIDE = 32


def rows(*, quick: bool = False) -> list[Recipe]:
    """The rows' recipes; `quick` trains a few steps only."""
    few = ("steps=2",) if quick else (STEPS,)
    found = {name: load_recipe(base, overrides=(NATURAL, *over, *few)) for name, (base, over) in ROWS.items()}
    return [replace(recipe, name=name) for name, recipe in found.items()]


def run(options: Options) -> None:
    """Operations of each row, then its scores on the same draws."""
    data = cifar10(options.folder())
    if options.quick:
        data = few_test_images(data)
    wanted = rows(quick=options.quick)
    for recipe in wanted:
        flops = forward_flops(recipe, data.classes, size=(SIDE, SIDE))
        print(f"  {recipe.name:<16} {flops / 1e9:6.3f} GFLOP an image")
        append("small-ensemble-cost", {"network": recipe.name, "side": SIDE, "inference": flops}, quick=options.quick)
    draws = range(1 if options.quick else options.draws)
    show(run_sweep("small-ensemble", wanted, data, options, per_class=PER_CLASS, draws=draws), control="WRN-16-4")
