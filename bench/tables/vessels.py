"""Vessels of fundus photographs (HRF) from three hand masks per class: copy-paste, confident pixels, and scribbles.

In each draw all rows get the same nine masks and make the masks of the same eight other images, whose hand masks none
has seen; where a row learns from images without a mask, these are they. Copy-paste among the nine alone has no teacher,
and so no averaged weights; its control has none either, and both have 200 steps. All others take the same steps of the
same batch size. Scribbles are drawn by a rule in the nine masks (`bench/support/scribbles.py`). The settings are what
two cores allow; draws 100 and up are for choosing, and re-split the same 45 images.
"""

import warnings
from time import process_time

import numpy as np

from bench.support.data import hrf
from bench.support.options import Options
from bench.support.record import append
from bench.support.scribbles import scribbled
from bench.tables.masks_from_less import drawn
from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.data.masks.quality import boundary_f, dice
from handful.errors import HandfulWarning
from handful.evaluation.intervals import mean_interval
from handful.parts import registry
from handful.recipes.load import load_recipe
from handful.training.train import nested_fit

MASKS, SCORED = 3, 8
CE_DICE = '{name="pixel_cross_entropy"},{name="pixel_dice"}'
SETTINGS = (
    "image_size=[192, 288]",
    "cache_views=0",
    "backbone.stride=4",
    "batch_size=6",
    "steps=60",
    "ema=0.95",
    "lr=0.1",
)
MOVED = (
    '{name="affine",degrees=30.0,translate=0.1,scale=[0.8,1.25],shear=0.0,fill="reflection"},'
    '{name="color_jitter"},{name="flip",vertical=0.5}'
)
PLAIN, HALF = f"augment=[{MOVED}]", "stages.0.sampler=masks"
ROWS: dict[str, tuple[str, ...]] = {
    "masks alone": (PLAIN, f"stages.0.losses=[{CE_DICE}]"),
    "no average, 200 steps: masks alone": (PLAIN, f"stages.0.losses=[{CE_DICE}]", "steps=200"),
    "no average, 200 steps: copy-paste": (
        f'augment=[{MOVED},{{name="copy_paste"}}]',
        f"stages.0.losses=[{CE_DICE}]",
        "steps=200",
    ),
    "mean teacher": (f'augment=[{MOVED},{{name="copy_paste",probability=0.0}}]', HALF, f"stages.0.losses=[{CE_DICE}]"),
    "copy-paste, boxes": (
        f'augment=[{MOVED},{{name="copy_paste",paste="box"}}]',
        HALF,
        f"stages.0.losses=[{CE_DICE}]",
    ),
    "copy-paste, objects": (f'augment=[{MOVED},{{name="copy_paste"}}]', HALF, f"stages.0.losses=[{CE_DICE}]"),
    "confident pixels": (PLAIN, HALF, f'stages.0.losses=[{CE_DICE},{{name="pixel_confidence"}}]'),
    "scribbles": (PLAIN, f"stages.0.losses=[{CE_DICE}]"),
    "scribbles, Gaussian mixture": (PLAIN, f'stages.0.losses=[{CE_DICE},{{name="pixel_gaussian_mixture"}}]'),
}


def run(options: Options) -> None:
    """Every row, draw by draw."""
    for name in ROWS:
        measure(name, tuple(range(1 if options.quick else options.draws)), options)


def measure(name: str, draws: tuple[int, ...], options: Options, *overrides: str) -> None:
    """Print and record one row.

    Args:
        name: of the row.
        draws: of the masks and the scored images.
        options: where the data are.
        overrides: of the recipe, for choosing.
    """
    data = hrf(options.folder())
    rows = np.array([scores(data, name, draw, options, *overrides) for draw in draws])
    line: dict[str, object] = {"row": name, "draws": len(draws)}
    for i, value in enumerate(("dice", "boundary_f")):
        low, high, _ = mean_interval(rows[:, i])
        line |= {value: round(float(rows[:, i].mean()), 4), f"{value}_low": low, f"{value}_high": high}
    line |= {"dice_worst": round(float(rows[:, 0].min()), 4), "seconds": round(float(rows[:, 2].mean()), 1)}
    line["by_draw"] = rows[:, :2].round(4).tolist()
    append("vessels", line, quick=options.quick or min(draws) >= 100)
    print(f"{name:<28} {' '.join(overrides)} dice {line['dice']}  boundary F {line['boundary_f']}", end="  ")
    print(f"{line['by_draw']}  {line['seconds']} s", flush=True)


def scores(data: Dataset, name: str, draw: int, options: Options, *overrides: str) -> tuple[float, float, float]:
    """Mean Dice and boundary F of one draw, and CPU seconds of training and prediction."""
    given, truth = drawn(data, MASKS, draw, 2 if options.quick else SCORED)
    if name.startswith("scribbles"):
        given = scribbled(given, draw)
    quick = ("steps=2",) if options.quick else ()
    settings = [s for s in SETTINGS if "no average" not in name or not s.startswith("ema=")]
    recipe = load_recipe("cvs", overrides=(*settings, *ROWS[name], *overrides, *quick))
    task = Task(given.classes, given.counts)
    fit = nested_fit("cpu", progress=False)
    context = registry.make_context(recipe, task, labels=registry.build_labels(recipe, task), seed=draw, fit=fit)
    start = process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HandfulWarning)  # of masks that are left out, which are scored as empty
        made = registry.build("prepare", Part("propagate_masks"), context)(given)
    seconds = process_time() - start
    rows = []
    for sample in made.samples:
        if (mask := truth.get(sample.id)) is not None:
            new = np.zeros_like(mask) if sample.mask is None else sample.mask
            rows.append((dice(new, mask), boundary_f(new, mask)))
    first, second = np.mean(rows, axis=0).tolist()
    return first, second, seconds
