"""Pictures of another shape or size than the others, and files that store colours in another way."""

from collections import Counter

import numpy as np
from jaxtyping import Bool

from handful.data.finding import Finding
from handful.inspection.measurements import Measurements

TURNED = 2.0  # times wider or narrower than the median picture
OTHER = 16.0  # times its area, or a sixteenth
SHARE = 0.1  # beyond it pictures of all shapes are the rule


def find(facts: Measurements) -> tuple[Finding, ...]:
    """Findings "odd shape", "odd size" and "colour modes"."""
    found: list[Finding] = []
    sizes = facts.measures.sizes
    if len(sizes):
        h, w = np.log(sizes.T.astype(np.float64))
        shape, area = w - h, w + h
        ways: list[tuple[str, Bool[np.ndarray, " n"], str]] = [
            (
                "odd shape",
                np.abs(shape - np.median(shape)) > np.log(TURNED),
                "over twice as wide or narrow as the usual picture, and will be squashed to its shape",
            ),
            (
                "odd size",
                np.abs(area - np.median(area)) > np.log(OTHER),
                "of over 16 times, or under a sixteenth of, the usual area",
            ),
        ]
        for kind, which, text in ways:
            if 0 < which.sum() <= max(1, SHARE * len(sizes)):
                ids = [facts.data.samples[i].id for i in np.flatnonzero(which)]
                pictures = "picture is" if len(ids) == 1 else "pictures are"
                found.append(
                    Finding(
                        kind,
                        "warning",
                        f"{len(ids)} {pictures} {text}",
                        tuple((i,) for i in ids),
                        "look at them: crop them as the others are, or leave them out",
                    )
                )
    modes = Counter(mode for mode in facts.modes if mode)
    if len(modes) > 1:
        rare = modes.most_common()[-1][0]
        listed = ", ".join(f"{mode} {n}" for mode, n in modes.most_common())
        found.append(
            Finding(
                "colour modes",
                "note",
                f"files store colours in {len(modes)} ways ({listed})",
                tuple((s.id,) for s, mode in zip(facts.data.samples, facts.modes, strict=True) if mode == rare),
                "nothing, as all are read as RGB; but see that it does not follow the class",
                {"modes": dict(modes)},
            )
        )
    return tuple(found)
