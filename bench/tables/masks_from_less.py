"""Masks from 1, 2 or 5 hand masks per class, or from none, against hand masks that no source has seen.

White blood cells, fundus photographs (vessels) and generated collages. In each draw all sources get the same masks and
make those of the same other images; IoU, Dice and boundary F (2 pixels, at the image's own size) are means over these,
and seconds are the CPU's for an image, training included. A mask that a source leaves out counts as an empty one.

Seg-M is `prepare/propagate_masks` with the recipe `cvs`, with the settings of the tables `cvs-cells` and `cvs-hrf`, and
its own size on the collages.

Scribbles (`bench/support/scribbles.py`) are drawn by a rule in these hand masks and matched by the fine cells, as they
do not say how thin the objects are, with a confidence of 0.8, which was chosen on draw 100. They are for vessels: on
other sets they run only where they are named.

"explained" learns from class labels alone, of the scored images and of those that the hand masks of the other rows are
drawn from: 5 per class. Its edges were chosen on draw 100 of the white blood cells. "cut, trained" is U2Seg's
self-training: a segmenter like Seg-M's learns the cut masks of those 5 per class, and masks the scored images.

A line of fewer draws in the log is continued: its draws are not repeated.
"""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time

import numpy as np

from bench.support.collages import collages
from bench.support.data import cells_once, hrf
from bench.support.options import Options
from bench.support.record import RESULTS, append
from bench.support.scribbles import scribbled
from bench.tables.cvs_cells import SETTINGS
from handful.core.context import Context, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.data.masks.quality import boundary_f, dice, iou
from handful.errors import HandfulWarning
from handful.evaluation.intervals import mean_interval
from handful.parts import registry
from handful.parts.prepare._masking import sample_masks
from handful.recipes.load import load_recipe
from handful.training.train import nested_fit

MASKS = (1, 2, 5)
FROM_MASKS = {
    "Seg-M": Part("propagate_masks"),
    "matched": Part("match_masks"),
    "scribbles": Part("match_masks", {"cells": "fine", "confidence": 0.8}),
}
FROM_NONE = {
    "grabcut": Part("grabcut"),
    "otsu": Part("binarize", {"rule": "otsu"}),
    "salient": Part("salient"),
    "cut": Part("cut_masks"),
    "explained": Part("explained_masks", {"edges": "grabcut"}),
    "cut, trained": Part("propagate_masks"),
}
FURTHER = ("explained", "cut, trained")  # sources that see the images of the other rows' masks, without these
SEG_SIZES = {
    "white blood cells": SETTINGS,
    "fundus vessels": ("image_size=[256, 256]", "batch_size=8", "steps=120"),
    "collages": ("image_size=[128, 128]",),
}


@dataclass(frozen=True)
class Set:
    """A data set of the table, and how many images of a draw are scored."""

    name: str
    load: Callable[[Path], Dataset]
    scored: int


SETS = (Set("white blood cells", cells_once, 24), Set("fundus vessels", hrf, 8), Set("collages", collages, 24))


def run(options: Options) -> None:
    """Every set, number of masks and source, draw by draw."""
    for set_ in SETS[:1] if options.quick else SETS:
        measure(set_, tuple(range(1 if options.quick else options.draws)), options)


def measure(
    set_: Set,
    draws: tuple[int, ...],
    options: Options,
    *,
    masks: tuple[int, ...] = MASKS,
    sources: tuple[str, ...] = (),
) -> None:
    """Print and record the sources on one set.

    Args:
        set_: the data.
        draws: of the masks and the scored images.
        options: where the data are.
        masks: hand masks per class.
        sources: names; (): all.
    """
    data = set_.load(options.folder())
    named = sources or (*FROM_NONE, *(n for n in FROM_MASKS if n != "scribbles" or set_.name == "fundus vessels"))
    for m in (0, *masks):
        for name in (n for n in named if (n in FROM_NONE) == (m == 0)):
            before = logged(set_.name, name, m, draws) if not options.quick else []
            rows = np.array([*before, *(scores(set_, data, name, m, draw, options) for draw in draws[len(before) :])])
            if len(before) == len(draws):
                continue
            line: dict[str, object] = {"data": set_.name, "source": name, "masks": m, "draws": len(draws)}
            for i, value in enumerate(("iou", "dice", "boundary_f")):
                low, high, _ = mean_interval(rows[:, i])
                line |= {value: _short(rows[:, i].mean()), f"{value}_low": _short(low), f"{value}_high": _short(high)}
            line |= {"iou_worst": _short(rows[:, 0].min()), "seconds": _short(rows[:, 3].mean())}
            line["by_draw"] = [[_short(v) for v in row] for row in rows[:, :3]]
            append("masks-from-less", line, quick=options.quick or min(draws) >= 100)
            text = "  ".join(f"{k} {line[k]:.3f}" for k in ("iou", "dice", "boundary_f", "iou_worst"))
            print(f"{set_.name:<18} {name:<10} M = {m}  {text}  {line['seconds']:.2f} s", flush=True)


def logged(set_: str, source: str, masks: int, draws: tuple[int, ...]) -> list[list[float]]:
    """IoU, Dice, boundary F and mean seconds of the draws in the newest line of this set, source and masks."""
    file = RESULTS / "masks-from-less.jsonl"
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []
    same = [line for line in lines if (line["data"], line["source"], line["masks"]) == (set_, source, masks)]
    if not same or draws[0] != 0:
        return []
    return [[*row, same[-1]["seconds"]] for row in same[-1]["by_draw"][: len(draws)]]


def scores(set_: Set, data: Dataset, name: str, m: int, draw: int, options: Options) -> tuple[float, ...]:
    """Mean IoU, Dice and boundary F of one draw, and CPU seconds an image."""
    given, truth = drawn(data, m, draw, 4 if options.quick else set_.scored)
    if name == "scribbles":
        given = scribbled(given, draw)
    further = data.select(sample_masks(data, range(len(data)), max(MASKS), draw)) if name in FURTHER else None
    settings = (*SEG_SIZES[set_.name], *(("steps=4",) if options.quick else ()))
    recipe = load_recipe("cvs", overrides=settings)
    task = Task(given.classes, given.counts)
    labels = registry.build_labels(recipe, task)
    fit = nested_fit("cpu", progress=False)
    context: Context = registry.make_context(recipe, task, labels=labels, seed=draw, fit=fit)
    start = process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HandfulWarning)  # of masks that are left out, which are scored as empty
        if further is not None:
            others = replace(further, samples=tuple(s.without_mask() for s in further.samples))
            if name == "cut, trained":
                others = registry.build("prepare", FROM_NONE["cut"], context)(others)
            given = replace(given, samples=(*given.samples, *others.samples))
        part = FROM_NONE.get(name) or FROM_MASKS[name]
        made = registry.build("prepare", part, context)(given)
    seconds = (process_time() - start) / len(truth)
    rows = []
    for sample in made.samples:
        if (mask := truth.get(sample.id)) is not None:
            new = np.zeros_like(mask) if sample.mask is None else sample.mask
            rows.append((iou(new, mask), dice(new, mask), boundary_f(new, mask)))
    return (*np.mean(rows, axis=0).tolist(), seconds)


def drawn(data: Dataset, m: int, draw: int, scored: int) -> tuple[Dataset, dict[str, np.ndarray]]:
    """Images with m masks per class and others without; the others' hand masks."""
    largest = sample_masks(data, range(len(data)), max(MASKS), draw)
    supports = sample_masks(data, range(len(data)), m, draw) if m else ()
    rest = np.random.default_rng((draw, 1)).permutation([i for i in range(len(data)) if i not in largest])[:scored]
    truth = {s.id: mask for s in data.select(rest).samples if (mask := s.mask) is not None}
    samples = tuple(s.without_mask() if s.id in truth else s for s in data.select([*supports, *rest]).samples)
    return replace(data, samples=samples), truth


def _short(value: float) -> float:
    return round(float(value), 4)
