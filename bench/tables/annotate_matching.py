"""Matched masks in `annotate` after the first drawn mask: seconds for all images, and overlap with the hand masks.

White blood cells. Quick: what the page shows at once, from vectors computed while somebody drew; cut: the same when
an image is looked at; exact: `match_masks`. One hand mask in all; seconds are of one CPU thread.
"""

from dataclasses import replace
from time import perf_counter, process_time

import numpy as np
import torch

from bench.support.data import cells_once
from bench.support.options import Options
from bench.support.record import append
from handful.annotation.cell_vectors import CellVectors
from handful.annotation.files.proposals import Proposals
from handful.annotation.matching import match_quickly
from handful.core.dataset import Mask, Sample
from handful.data.images import pixels
from handful.data.masks.quality import iou
from handful.evaluation.intervals import mean_interval
from handful.models.frozen_maps import FrozenMaps
from handful.parts.prepare.match_masks import Matcher

IMAGES, SCORED = 300, 24


def run(options: Options) -> None:
    """Three draws of the image that has a mask."""
    torch.set_num_threads(1)
    data = cells_once(options.folder())
    data = data.select(np.random.default_rng(0).permutation(len(data))[: 8 if options.quick else IMAGES])
    vectors = CellVectors(FrozenMaps())
    start = process_time()
    for sample in data.samples:
        vectors.add(sample.id, pixels(sample))
    vectors.choose_axes()
    each = (process_time() - start) / len(data)
    rows = []
    for draw in range(1 if options.quick else 3):
        order = np.random.default_rng((draw, 1)).permutation(len(data))
        support, rest = data.samples[order[0]], [data.samples[i] for i in order[1:]]
        begun, start = perf_counter(), process_time()
        bare = [replace(s, mask=None) for s in rest]
        coarse, sure = match_quickly(replace(data, samples=(support,)), bare, vectors, draw)
        seconds, wall = process_time() - start, perf_counter() - begun
        proposals = Proposals(options.folder(), certainty=sure, edges="grabcut", coarse=coarse)
        matcher = Matcher([support], seed=draw, maps=vectors.maps)
        scored = rest[: 4 if options.quick else SCORED]
        rows.append((*np.mean([_overlaps(s, proposals, matcher) for s in scored], axis=0), seconds, wall))
        print(f"draw {draw}: quick {rows[-1][0]:.3f} cut {rows[-1][1]:.3f} exact {rows[-1][2]:.3f}  {seconds:.2f} s")
    columns = np.array(rows).T
    for name, overlap in zip(("quick", "cut", "exact"), columns, strict=False):
        low, high, _ = mean_interval(overlap)
        values = {"iou": overlap.mean(), "iou_low": low, "iou_high": high, "iou_worst": overlap.min()}
        if name == "quick":
            values |= {"seconds": columns[3].mean(), "wall": columns[4].mean(), "vectors_seconds": each}
        line = {"data": "white blood cells", "source": name, "images": len(data), "draws": len(rows)}
        append("annotate-matching", line | {k: round(float(v), 4) for k, v in values.items()}, quick=options.quick)
    print(f"vectors: {each:.3f} s an image; all {len(data)} images matched in {columns[3].mean():.2f} s of one thread")


def _overlaps(sample: Sample, proposals: Proposals, matcher: Matcher) -> tuple[float, float, float]:
    image, truth = pixels(sample), sample.mask
    assert truth is not None
    nothing: Mask = np.zeros_like(truth)
    quick = proposals.preview(sample.id, truth.shape) if sample.id in proposals.certainty else nothing
    cut = proposals.cut(sample.id, image) if sample.id in proposals.certainty else nothing
    assert quick is not None
    return iou(quick, truth), iou(cut, truth), iou(matcher.mask(image, matcher.likely(image)), truth)
