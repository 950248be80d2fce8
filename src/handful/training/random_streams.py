"""Random streams: independent seeds for each purpose of a training, derived from its one seed.

A stream is numbered by its purpose and by what follows (stage, step, epoch), so that it needs no state of the steps
before: a run that was stopped continues with the same numbers.
"""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers are for. The numbers are part of every seed: they never change."""

    WEIGHTS = 0
    AUGMENT = 1
    ORDER = 2
    DROPOUT = 3
    VIEWS = 4  # augmented views that are computed once, before training
    HEAD = 5  # of a head that is fitted
    UNLABELLED = 6  # order of the unlabelled images, where they are a stream of their own
    FURTHER_VIEWS = 7  # augmentation of a stage's further views


def derive_seed(*key: int) -> int:
    """A 63-bit seed for one purpose, e.g. (seed, Stream.DROPOUT, stage, step); independent of all other keys."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))
