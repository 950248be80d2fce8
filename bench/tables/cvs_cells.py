"""CvS on white blood cells with five hand masks per class: the rest propagated by a Seg-5, or no masks at all.

The set has no test part: what a draw leaves is scored. Learning rates and frozen stages were chosen on draws 100 to
104, which re-split the same images. A control has CvS's maps (strides 8 to 32 joined) without the masks. One of two
identical images is left out. Beside the scores, the propagated masks' overlap with the hand masks that Seg-5 never saw.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bench.support.accuracy import run_sweep, show
from bench.support.automatic_masks import with_grabcut
from bench.support.data import cells_once
from bench.support.options import Options
from bench.support.record import append
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data import splits
from handful.data.masks.quality import MaskQuality, quality
from handful.recipes.load import load_recipe
from handful.training.train import train

CONTROL = "classification-lite0"
NAMES = ("cvs-lite0", "cvs-joint-lite0", "multitask-lite0")
SETTINGS = (
    "image_size=[96, 96]",
    'augment=[{name="affine",degrees=180.0,shear=0.0,scale=[0.85,1.15],fill="reflection"},{name="color_jitter"},'
    '{name="flip",vertical=0.5}]',
)
PROPAGATE = 'prepare=[{name="propagate_masks",per_class=5}]'
GRABCUT = 'prepare=[{name="grabcut",replace=true}]'
FUSED = ("backbone.stride=8", "backbone.fuse=true", "backbone.expand=false", "head.norm=batch")


def run(options: Options) -> None:
    """Scores at 5 and 10 per class, then the masks' quality."""
    data = cells_once(options.folder())
    quick = ("steps=4",) if options.quick else ()

    def recipe(name: str, called: str, *overrides: str) -> Recipe:
        return replace(load_recipe(name, overrides=(*SETTINGS, *overrides, *quick)), name=called)

    wanted = [
        recipe(CONTROL, CONTROL),
        recipe(CONTROL, "the same on CvS's backbone", *FUSED),
        *(recipe(name, name, PROPAGATE) for name in NAMES),
        recipe("cvs-lite0", "cvs-lite0, masks by GrabCut", GRABCUT),
    ]
    show(run_sweep("cvs-cells", wanted, data, options, per_class=(5, 10)), control=CONTROL)
    for draw in range(1 if options.quick else options.draws):
        overlap(data, draw, options)
    grabcut_overlap(data, options)


def overlap(data: Dataset, draw: int, options: Options) -> None:
    """IoU and Dice of a Seg-5's masks for every cell that it was not trained on."""
    steps = ("steps=4",) if options.quick else ()
    seg = load_recipe("cvs-lite0", overrides=(*SETTINGS, *steps))
    chosen, rest = splits.draw(data, 5, draw)
    classifier = train(seg, chosen, seed=draw, progress=False)
    truth = {s.id: s.mask for s in rest.samples}
    predicted = {}
    for sample, maps in zip(rest.samples, classifier.maps(rest), strict=True):
        mask = truth[sample.id]
        assert mask is not None
        predicted[sample.id] = classifier.own_size(maps.argmax(axis=0) > 0, mask.shape)
    samples = tuple(replace(s, mask=predicted[s.id], mask_source="propagated") for s in rest.samples)
    tell({"draw": draw}, f"Seg-5, draw {draw}", quality(replace(rest, samples=samples), rest), options)


def grabcut_overlap(data: Dataset, options: Options) -> None:
    """The same of GrabCut, which learns from no mask: on all cells."""
    tell({"masks": "grabcut"}, "GrabCut", quality(with_grabcut(data), data), options)


def tell(line: dict[str, Any], name: str, found: Mapping[str, MaskQuality], options: Options) -> None:
    """Print and keep the overlap of each class, and of all."""
    print(f"{name}: " + ", ".join(f"{c} IoU {q.iou:.3f} Dice {q.dice:.3f}" for c, q in found.items()))
    found_line = {c: [round(q.iou, 4), round(q.dice, 4), q.images] for c, q in found.items()}
    append("cvs-cells-masks", {**line, **found_line}, quick=options.quick)
