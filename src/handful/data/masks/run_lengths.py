"""COCO's run lengths as masks: pixels column by column, in runs that alternate between outside and inside.

Decoded here and not by pycocotools, whose arrays NumPy 2 warns of, and which returns uninitialized memory where the
runs are too short.
"""

from collections.abc import Sequence

import numpy as np

from handful.core.dataset import Mask

LONGEST_RUN = 7  # characters of 5 bits: 32 bits and a sign


def mask_of_runs(runs: Sequence[int], size: tuple[int, int]) -> Mask:
    """The mask, h x w, of run lengths; the first run is outside.

    Raises:
        ValueError: a run is below 0, or the runs do not cover exactly h x w pixels.
    """
    h, w = size
    if min(runs, default=0) < 0:
        raise ValueError("a run length is below 0")
    if sum(runs) != h * w:
        raise ValueError(f"the run lengths cover {sum(runs):.12g} pixels and the image has {h * w}")
    inside = np.arange(len(runs)) % 2 > 0
    return np.ascontiguousarray(np.repeat(inside, runs).reshape(w, h).T)


def parse_run_lengths(text: bytes) -> list[int]:
    """Run lengths of COCO's compressed text: 5 bits per character, low bits first; from the third on, relative to two
    before.

    Raises:
        ValueError: it is not such a text, or a run has more than `LONGEST_RUN` characters.
    """
    runs: list[int] = []
    value = shift = 0
    for byte in text:
        digit = byte - 48
        if not 0 <= digit < 64:
            raise ValueError("the compressed run lengths hold a character that COCO does not use")
        if shift >= 5 * LONGEST_RUN:
            raise ValueError(f"a compressed run length has more than {LONGEST_RUN} characters")
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            value -= (1 << shift) if digit & 16 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("the compressed run lengths end too early")
    return runs
