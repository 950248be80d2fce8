"""Masks: how much of an image is foreground, and which masks have another shape than those of their class."""

from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import Float

from handful.core.dataset import Mask
from handful.data.check import blank_mask_findings
from handful.data.finding import Finding
from handful.inspection.measurements import Measurements

RANK = 5
DEVIATIONS = 6.0  # robust standard deviations from the class's median
FEWEST = 8
LEAST = 0.15  # a robust deviation is taken to be at least this: the numbers are logarithms and shares
NAMES = ("area", "elongation", "compactness", "pieces", "place")


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """Findings "empty mask", "full mask" and "odd mask"."""
    findings = list(blank_mask_findings(measurements.data))
    samples = measurements.data.samples
    of_class = [(i, label, mask) for i in range(len(samples)) for label, mask in _masks_of_classes(measurements, i)]
    at, labels = [i for i, _, _ in of_class], np.array([label for _, label, _ in of_class])
    rows = np.array([describe(mask) for _, _, mask in of_class]).reshape(-1, len(NAMES))
    odd: list[tuple[float, int, str]] = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) >= FEWEST:
            deviation = np.abs(rows[members] - np.median(rows[members], axis=0))
            score = deviation / np.maximum(1.4826 * np.median(deviation, axis=0), LEAST)
            for i, row in zip(members, score, strict=True):
                if row.max() > DEVIATIONS:
                    odd.append((float(row.max()), at[i], NAMES[int(row.argmax())]))
    odd.sort(key=lambda o: (-o[0], o[1]))
    if odd:
        masks = "mask differs" if len(odd) == 1 else "masks differ"
        findings.append(
            Finding(
                "odd mask",
                "warning",
                f"{len(odd)} {masks} in shape from those of the class",
                tuple((samples[i].id,) for _, i, _ in odd),
                "look at them: draw them again, or correct the label",
                {"by": {samples[i].id: name for _, i, name in odd}},
            )
        )
    return tuple(findings)


def _masks_of_classes(measurements: Measurements, i: int) -> Iterator[tuple[int, Mask]]:
    """The class of a whole mask that is not empty; where images have several labels, each class that it tells."""
    sample = measurements.data.samples[i]
    if sample.mask is None or sample.known is not None or not sample.mask.any():
        return
    if measurements.data.kind != "multilabel":
        yield int(measurements.labels[i]), sample.mask
    elif sample.mask_labels is not None:
        each = ((c, np.asarray(sample.mask_labels == c + 1)) for c in range(len(measurements.data.classes)))
        yield from ((c, mask) for c, mask in each if mask.any())
    elif sample.target is not None and (sample.target != 0).sum() == 1:
        yield int(np.flatnonzero(sample.target)[0]), sample.mask


def describe(mask: Mask) -> Float[np.ndarray, " d"]:
    """Shape of a mask that is not empty, in the order of `NAMES`.

    Logarithm of its share of the image; of its longer over its shorter axis by second moments; of the perimeter
    squared over the area, for a circle 0; of the number of pieces above a hundredth of it; and the distance of its
    centre from the image's, in image diagonals.
    """
    h, w = mask.shape
    pixels = mask.astype(np.uint8)
    moments = cv2.moments(pixels, binaryImage=True)
    area = moments["m00"]
    x, y = moments["m10"] / area, moments["m01"] / area
    spread = np.array([[moments["mu20"], moments["mu11"]], [moments["mu11"], moments["mu02"]]]) / area + np.eye(2) / 12
    short, long = np.linalg.eigvalsh(spread)
    outlines, _ = cv2.findContours(pixels, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    edge = sum(cv2.arcLength(o, True) for o in outlines)
    pieces = cv2.connectedComponentsWithStats(pixels)[2][1:, cv2.CC_STAT_AREA]
    centre = np.hypot(x - (w - 1) / 2, y - (h - 1) / 2) / np.hypot(h, w)
    return np.array(
        [
            np.log(area / (h * w)),
            np.log(long / short) / 2,
            np.log(max(edge, 1.0) ** 2 / (4 * np.pi * area)),
            np.log(max(1, (pieces > area / 100).sum())),
            centre,
        ]
    )
