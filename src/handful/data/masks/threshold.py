"""Thresholding of pixel probabilities to masks, and the rules for accepting a mask."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from handful.core.dataset import Mask


@dataclass(frozen=True)
class MaskRules:
    """Rules for predicted masks: which pixels are foreground, and which masks are accepted.

    Args:
        restrict: "any": pixels whose likeliest class is not background (the paper). "own": pixels where the
            image's own class is likelier than background, whatever the other classes' probabilities.
        confidence: foreground pixels must also have at least this probability of not being background (for
            "own": of the own class against background alone).
        min_share, max_share: an accepted mask covers more than `min_share` and less than `max_share` of the image, so
            that empty and full ones are always dropped.
    """

    restrict: str = "any"
    confidence: float = 0.0
    min_share: float = 0.0
    max_share: float = 1.0

    def __post_init__(self) -> None:
        if self.restrict not in ("any", "own"):
            raise ValueError(f"restrict must be 'any' or 'own', not {self.restrict!r}")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence must be in [0, 1], not {self.confidence}")
        if not 0 <= self.min_share < self.max_share <= 1:
            raise ValueError(f"need 0 <= min_share < max_share <= 1, not {self.min_share} and {self.max_share}")


def foreground(maps: Float[np.ndarray, "k1 h w"], confidence: float) -> Mask:
    """Pixels whose likeliest class is not background, with at least this probability of not being background."""
    return np.asarray((maps.argmax(axis=0) != 0) & (1 - maps[0] >= confidence))
