"""Segmentation heads on images with several labels: what masks add, where they tell classes apart and where not.

Pairs of white blood cells side by side, 96 x 192 pixels; cells of training pairs and of scored pairs are kept apart,
classes are tailed 5 to 1, and an image shows one or two of four. CvS gets the class of each object, or its outline
alone; the controls are the same network, steps and augmentation without a segmentation head, the segmentation head
without masks, and logistic regression on frozen features. Learning rates were chosen for each row on draw 100.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bench.support.accuracy import run_sweep, show
from bench.support.data import cells_once
from bench.support.mosaics import mosaics
from bench.support.options import Options
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Recipe
from handful.data.images import pixels
from handful.data.resampling import fit_image, fit_mask
from handful.data.splits import random_key
from handful.recipes.load import load_recipe

TABLE = "multilabel-masks"
CONTROL = "classification"
SIDE, SEED = 96, 0
PAIRS = 300  # of the training part, and as many are scored
PER_CLASS = (5,)
NO_MASKS = ("name=segmentation head, no masks", 'stages.0.losses=[{name="cross_entropy"}]')
SETTINGS = (
    "image_size=[96, 192]",
    'augment=[{name="affine",degrees=15.0,shear=0.0,scale=[0.85,1.15],fill="reflection"},{name="color_jitter"},'
    '{name="flip",vertical=0.5}]',
)
RATES = {"classification": "lr=0.03", "cvs": "lr=0.03", "cvs-joint": "lr=0.03", "no masks": "lr=0.03"}


def run(options: Options) -> None:
    """All rows on the same draws."""
    named = pairs(options)
    outlines = replace(named, samples=tuple(replace(s, mask_labels=None) for s in named.samples))
    results = run_sweep(TABLE, controls(options), named, options, per_class=PER_CLASS)
    names = ("cvs", "cvs-joint")
    results += run_sweep(TABLE, with_masks(names, options, "class of each object"), named, options, per_class=PER_CLASS)
    results += run_sweep(
        TABLE, with_masks(names[1:], options, "outlines alone"), outlines, options, per_class=PER_CLASS
    )
    show(results, control=CONTROL)


def controls(options: Options) -> list[Recipe]:
    """The rows without masks."""
    return [
        load_recipe("logistic", overrides=SETTINGS[:1]),
        _recipe("classification", options, RATES["classification"]),
        _recipe("cvs-joint", options, RATES["no masks"], *NO_MASKS),
    ]


def with_masks(names: Sequence[str], options: Options, masks: str) -> list[Recipe]:
    """The rows that learn from masks, named after what these tell."""
    return [_recipe(name, options, RATES[name], f"name={name}, {masks}") for name in names]


def _recipe(name: str, options: Options, *overrides: str) -> Recipe:
    quick: Sequence[str] = ("steps=4",) if options.quick else ()
    return load_recipe(name, overrides=(*SETTINGS, *overrides, *quick))


def pairs(options: Options) -> Dataset:
    """Pairs of cells, with masks that tell classes apart: of half of the cells to train on, of the others to score."""
    data = cells_once(options.folder())
    by_class: dict[int | None, list[Sample]] = {}
    for sample in sorted(data.samples, key=lambda s: random_key(SEED, s.id)):
        by_class.setdefault(sample.label, []).append(sample)
    tiles = []
    for members in by_class.values():
        for i, sample in enumerate(members):
            assert sample.mask is not None, "every cell has a hand mask"
            image = fit_image(pixels(sample), (SIDE, SIDE), "squash")
            mask = fit_mask(sample.mask, (SIDE, SIDE), "squash")
            tiles.append(replace(sample, image=np.asarray(image), mask=mask, split="test" if i % 2 else "train"))
    halves = replace(data, samples=tuple(tiles))
    parts = (
        mosaics(halves, "train", PAIRS, SEED, columns=2, rows=1),
        mosaics(halves, "test", PAIRS, SEED, columns=2, rows=1),
    )
    return replace(parts[0], samples=tuple(s for part in parts for s in part.samples))
