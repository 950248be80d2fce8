"""Masks that nobody drew, against the hand masks of white blood cells: GrabCut, U2NetP, and what both call object.

All have their defaults, which no image here decided. Seconds are of the CPU, an image.
"""

from time import process_time

import numpy as np

from bench.support.data import cells_once
from bench.support.options import Options
from bench.support.record import append
from handful.data.images import pixels
from handful.data.masks.quality import iou
from handful.evaluation.intervals import mean_interval
from handful.models.u2netp import U2NetP
from handful.parts.prepare.grabcut import grabcut
from handful.parts.prepare.salient import intersect

IMAGES = 40
NAMES = ("grabcut", "salient, grabcut = false", "salient")


def run(options: Options) -> None:
    """Each source on the same images, drawn from all classes together."""
    data = cells_once(options.folder())
    drawn = np.random.default_rng(0).permutation(len(data))[: 4 if options.quick else IMAGES]
    network, rows, agreements = U2NetP(), [], []
    for sample in data.select(drawn).samples:
        image, truth = pixels(sample), sample.mask
        assert truth is not None
        start = process_time()
        centered = grabcut(image, seed=0)
        cut = process_time()
        saliency = network.saliency(image)
        ready = process_time()
        both, agreement = intersect(image, saliency, threshold=0.5, seed=0)
        end = process_time()
        overlaps = (iou(centered, truth), iou(saliency > 0.5, truth), iou(both, truth))
        rows.append((*overlaps, cut - start, ready - cut, end - cut))
        agreements.append(agreement)
    columns = np.array(rows).T
    print(f"{len(rows)} images; the two agree to at least 0.8 on {np.mean(np.array(agreements) >= 0.8):.1%}")
    for name, overlap, seconds in zip(NAMES, columns[:3], columns[3:], strict=True):
        low, high, _ = mean_interval(overlap)
        line = {"data": "white blood cells", "source": name, "images": len(rows)}
        values = {"iou": overlap.mean(), "iou_low": low, "iou_high": high, "iou_worst": overlap.min()}
        values |= {"seconds": seconds.mean(), "agree": np.mean(np.array(agreements) >= 0.8)}
        append("mask-sources", line | {k: round(float(v), 4) for k, v in values.items()}, quick=options.quick)
        print(f"{name:<26} IoU {values['iou']:.3f}, worst {values['iou_worst']:.3f}   {values['seconds']:.2f} s")
