"""Images that a model was trained on among those that it is to predict, by its card. Imports no PyTorch."""

from collections.abc import Mapping
from typing import Any

from handful.core.dataset import Dataset, Sample
from handful.data.fingerprint import TRAINED_ON, image_digest, unpack_digests
from handful.errors import DataError


def count_learned_from(card: Mapping[str, Any], data: Dataset) -> int:
    """How many images of a data set a model was trained on, by its card; 0 where that does not say."""
    stored = card.get(TRAINED_ON)
    try:
        digests = unpack_digests(stored) if isinstance(stored, str) else frozenset()
    except ValueError:
        return 0
    return sum(_digest(sample) in digests for sample in data.samples) if digests else 0


def _digest(sample: Sample) -> str | None:
    """The digest of an image; None: it cannot be read."""
    try:
        return image_digest(sample)
    except DataError:
        return None
