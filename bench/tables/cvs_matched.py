"""CvS and multi-task learning on white blood cells with one hand mask per class: the rest matched, or from a Seg-1.

Settings and draws are those of the table `cvs-cells`, at five images per class. Neither source was tuned here.
"""

from dataclasses import replace

from bench.support.accuracy import run_sweep, show
from bench.support.data import cells_once
from bench.support.options import Options
from bench.tables.cvs_cells import CONTROL, SETTINGS
from handful.core.recipe import Recipe
from handful.recipes.load import load_recipe

SOURCES = {"matched": "match_masks", "Seg-1": "propagate_masks"}
NAMES = ("cvs", "multitask")


def run(options: Options) -> None:
    """Both recipes with both sources, against classification."""
    quick = ("steps=4",) if options.quick else ()

    def recipe(name: str, called: str, *overrides: str) -> Recipe:
        return replace(load_recipe(name, overrides=(*SETTINGS, *overrides, *quick)), name=called)

    control = recipe(CONTROL, "classification")
    pairs = [
        recipe(name, f"{name}, {source}", f'prepare=[{{name="{part}",per_class=1}}]')
        for name in NAMES
        for source, part in SOURCES.items()
    ]
    results = run_sweep("cvs-matched", [control, *pairs], cells_once(options.folder()), options, per_class=(5,))
    show(results, control="classification")
