"""Pictures of another shape or size than the others, and files that store colors in another way."""

from collections import Counter

import numpy as np
from jaxtyping import Bool, Int

from handful.data.finding import Finding
from handful.inspection.measurements import Measurements

RANK = 8
TURNED = 2.0  # times wider or narrower than the median picture
OTHER = 16.0  # times its area, or a sixteenth
SHARE = 0.1  # beyond it pictures of all shapes are the rule


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """Findings "odd shape", "odd size" and "color modes"."""
    findings: list[Finding] = []
    sizes = measurements.statistics.sizes
    if len(sizes):
        h, w = np.log(sizes.T.astype(np.float64))
        shape, area = w - h, w + h
        odd = np.abs(area - np.median(area)) > np.log(OTHER)
        tests: list[tuple[str, Bool[np.ndarray, " n"], str]] = [
            (
                "odd shape",
                np.abs(shape - np.median(shape)) > np.log(TURNED),
                "over twice as wide or narrow as the usual picture, and will be squashed to its shape",
            ),
            (
                "odd size",
                odd,
                f"far smaller or larger than the others ({_range(sizes, odd)} pixels; usual are {_usual(sizes)})",
            ),
        ]
        for kind, which, text in tests:
            if 0 < which.sum() <= max(1, SHARE * len(sizes)):
                ids = [measurements.data.samples[i].id for i in np.flatnonzero(which)]
                pictures = "picture is" if len(ids) == 1 else "pictures are"
                findings.append(
                    Finding(
                        kind,
                        "warning",
                        f"{len(ids)} {pictures} {text}",
                        tuple((i,) for i in ids),
                        "look at them: crop them as the others are, or leave them out",
                    )
                )
    modes = Counter(mode for mode in measurements.modes if mode)
    if len(modes) > 1:
        rare = modes.most_common()[-1][0]
        listed = ", ".join(f"{mode} {n}" for mode, n in modes.most_common())
        findings.append(
            Finding(
                "color modes",
                "note",
                f"files store colors in {len(modes)} ways ({listed})",
                tuple(
                    (sample.id,)
                    for sample, mode in zip(measurements.data.samples, measurements.modes, strict=True)
                    if mode == rare
                ),
                "nothing, as all are read as RGB; but see that it does not follow the class",
                {"modes": dict(modes)},
            )
        )
    return tuple(findings)


def _range(sizes: Int[np.ndarray, "n 2"], which: Bool[np.ndarray, " n"]) -> str:
    """Width x height of the smallest and the largest of some images."""
    chosen = sizes[which]
    if not len(chosen):
        return ""
    order = np.argsort(chosen.prod(axis=1))
    ends = dict.fromkeys(f"{w} x {h}" for h, w in chosen[order[[0, -1]]])
    return " to ".join(ends)


def _usual(sizes: Int[np.ndarray, "n 2"]) -> str:
    """Median width x height."""
    h, w = np.median(sizes, axis=0)
    return f"{w:.0f} x {h:.0f}"
