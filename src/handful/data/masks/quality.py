"""Agreement of masks: intersection over union, Dice coefficient and boundary F, per image and per class."""

from dataclasses import dataclass

import cv2
import numpy as np

from handful.core.dataset import Dataset, Mask


def iou(predicted: Mask, truth: Mask) -> float:
    """Intersection over union (Jaccard 1912), in [0, 1]; 1 where both are empty."""
    union = np.count_nonzero(predicted | truth)
    return float(np.count_nonzero(predicted & truth) / union) if union else 1.0


def dice(predicted: Mask, truth: Mask) -> float:
    """Twice the intersection over the sum of areas (Dice 1945), in [0, 1]; 1 where both are empty."""
    total = np.count_nonzero(predicted) + np.count_nonzero(truth)
    return float(2 * np.count_nonzero(predicted & truth) / total) if total else 1.0


def boundary_f(predicted: Mask, truth: Mask, *, tolerance: float = 2.0) -> float:
    """F measure of boundary pixels that lie within `tolerance` pixels of the other boundary, in [0, 1].

    The boundary (Martin, Fowlkes and Malik 2004) is a mask's pixels with a neighbor outside of it, or at the image's
    border; 1 where neither mask has any.
    """
    edges = [_boundary(mask) for mask in (predicted, truth)]
    if not (edges[0].any() and edges[1].any()):
        return float(edges[0].any() == edges[1].any())
    precision, recall = (
        float((cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, 5)[edge] <= tolerance).mean())
        for edge, other in (edges, edges[::-1])
    )
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _boundary(mask: Mask) -> Mask:
    inside = mask.astype(np.uint8)
    return np.asarray(inside > cv2.erode(inside, np.ones((3, 3), np.uint8), borderValue=0))


@dataclass(frozen=True)
class MaskQuality:
    """Means over `images` images; `worst` is the id with the lowest IoU."""

    images: int
    iou: float
    dice: float
    worst: str


def quality(predicted: Dataset, truth: Dataset) -> dict[str, MaskQuality]:
    """Agreement of the masks of samples that have one in both, matched by id.

    Keys are the class names in order, "no label" where there are such images, and "all" (the mean over
    images, not over classes). Empty when no sample has both. Partial masks are no truth.
    """
    masks = {s.id: s.mask for s in truth.samples if s.known is None}
    rows: dict[str, list[tuple[float, float, str]]] = {name: [] for name in (*truth.classes, "no label", "all")}
    for sample in predicted.samples:
        true = masks.get(sample.id)
        if sample.mask is None or true is None:
            continue
        row = (iou(sample.mask, true), dice(sample.mask, true), sample.id)
        rows["no label" if sample.label is None else predicted.classes[sample.label]].append(row)
        rows["all"].append(row)
    return {
        name: MaskQuality(len(r), sum(x[0] for x in r) / len(r), sum(x[1] for x in r) / len(r), min(r)[2])
        for name, r in rows.items()
        if r
    }
