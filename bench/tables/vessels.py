"""Vessels of fundus photographs (HRF) from three hand masks per class: copy-paste, confident pixels, and scribbles.

In each draw all rows get the same nine masks and make the masks of the same eight other images, whose hand masks none
has seen; where a row learns from images without a mask, these are they. Copy-paste among the nine alone has no
teacher, and so no averaged weights; its control has none either, and both have 200 steps. The others take the same
steps of the same batch size: 60 from the start, too early for a teacher, or, as in the papers, two stages, of which
the first has the images with masks alone. Scribbles are drawn by a rule in the nine masks
(`bench/support/scribbles.py`). The settings are what two cores allow; draws 100 and up are for choosing, and re-split
the same 45 images.
"""

import warnings
from dataclasses import dataclass, replace
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
SETTINGS = ("image_size=[192, 288]", "cache_views=0", "backbone.stride=4", "batch_size=6")
RATE, AVERAGE, HALF = "lr=0.1", "ema=0.95", "stages.0.sampler=masks"
MOVED = (
    '{name="affine",degrees=30.0,translate=0.1,scale=[0.8,1.25],shear=0.0,fill="reflection"},'
    '{name="color_jitter"},{name="flip",vertical=0.5}'
)
PLAIN = f"augment=[{MOVED}]"


@dataclass(frozen=True)
class Row:
    """Changes of the segmenter's recipe, and whether its masks are scribbles."""

    changes: tuple[str, ...]
    scribbles: bool = False


def pasting(options: str = "") -> str:
    """The augmentation with copy-paste."""
    return f'augment=[{MOVED},{{name="copy_paste"{options}}}]'


def one_stage(*changes: str, losses: str = CE_DICE, steps: int = 60) -> tuple[str, ...]:
    """A single stage, in which a teacher speaks from the first step on."""
    return (RATE, f"stages.0.losses=[{losses}]", f"steps={steps}", *changes)


def two_stages(*changes: str, losses: str = CE_DICE, sampler: str = "masked") -> tuple[str, ...]:
    """200 steps of the images with masks alone, and 200 of what the row is about, each from the same rate down."""
    first = f'{{losses=[{CE_DICE}],steps=200,sampler="masked"}}'
    second = f'{{losses=[{losses}],steps=200,sampler="{sampler}"}}'
    return (f"stages=[{first},{second}]", RATE, AVERAGE, *changes)


CONFIDENT = f'{CE_DICE},{{name="pixel_confidence"}}'
MIXTURE = f'{CE_DICE},{{name="pixel_gaussian_mixture"}}'
NO_PASTE, BOX, LATE = ",probability=0.0", ',paste="box"', ",start=0.5"
ROWS = {
    "masks alone": Row(one_stage(PLAIN, AVERAGE)),
    "no average, 200 steps: masks alone": Row(one_stage(PLAIN, steps=200)),
    "no average, 200 steps: copy-paste": Row(one_stage(pasting(), steps=200)),
    "mean teacher": Row(one_stage(pasting(NO_PASTE), AVERAGE, HALF)),
    "copy-paste, boxes": Row(one_stage(pasting(BOX), AVERAGE, HALF)),
    "copy-paste, objects": Row(one_stage(pasting(), AVERAGE, HALF)),
    "confident pixels": Row(one_stage(PLAIN, AVERAGE, HALF, losses=CONFIDENT)),
    "scribbles": Row(one_stage(PLAIN, AVERAGE), scribbles=True),
    "scribbles, Gaussian mixture": Row(one_stage(PLAIN, AVERAGE, losses=MIXTURE), scribbles=True),
    "two stages: masks alone": Row(two_stages(PLAIN)),
    "two stages: mean teacher": Row(two_stages(pasting(NO_PASTE + LATE), sampler="masks")),
    "two stages: copy-paste, boxes": Row(two_stages(pasting(BOX + LATE), sampler="masks")),
    "two stages: copy-paste, objects": Row(two_stages(pasting(LATE), sampler="masks")),
    "two stages: confident pixels": Row(two_stages(PLAIN, losses=CONFIDENT, sampler="masks")),
    "two stages: scribbles": Row(two_stages(PLAIN), scribbles=True),
    "two stages: scribbles, Gaussian mixture": Row(two_stages(PLAIN, losses=MIXTURE), scribbles=True),
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
    row = ROWS[name]
    if row.scribbles:
        given = scribbled(given, draw)
    recipe = load_recipe("cvs", overrides=(*row.changes, *SETTINGS, *overrides))
    if options.quick:
        recipe = replace(recipe, stages=tuple(replace(stage, steps=2) for stage in recipe.stages))
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
