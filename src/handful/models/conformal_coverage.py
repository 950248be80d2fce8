"""Which coverage conformal sets can have, given how many images they were calibrated on."""

import math

from handful.errors import ModelError

CLOSE = 1e-6  # p-values are float32: two that differ by less are one
HERE = "posthoc/conformal"


def images_needed(coverage: float, *, heaviest: float = 1.0) -> int:
    """The fewest images n whose smallest possible p-value, 1 / (n + 1), rules a class out at this coverage.

    `heaviest` is the largest weight of a class, beside a mean of 1: its p-values are w / (n + w) or more.
    """
    return math.ceil(round(heaviest * (1 / (1 - coverage) - 1), 6))


def most_coverage(images: int, *, heaviest: float = 1.0) -> float:
    """The highest coverage that so many images support, rounded down to three digits."""
    return math.floor(1000 * images / (images + heaviest) + 1e-9) / 1000


def significance(coverage: float, *, images: int, heaviest: float = 1.0, by_class: bool = False) -> float:
    """1 - coverage, the p-value that a class in the set is above.

    Args:
        coverage: share of sets that are to hold the right class.
        images: that a class is compared with; by class, those of the rarest.
        heaviest: as `images_needed`.
        by_class: for the message.

    Raises:
        ModelError: no share, or so many images do not support it.
    """
    if isinstance(coverage, bool) or not 0 < coverage < 1:
        raise ModelError(f"coverage is {coverage!r}", where=HERE, remedy="give a share between 0 and 1, e.g. 0.9.")
    needed = images_needed(coverage, heaviest=heaviest)
    if images < needed:
        raise ModelError(
            f"sets of coverage {coverage:g} need {needed} training images{' of each class' if by_class else ''}, "
            f"and there were {images}",
            where=HERE,
            remedy=f"ask for {most_coverage(images, heaviest=heaviest):.3g} or less.",
        )
    return 1 - coverage
