"""Checks of the options `similarity` and `temperature`, which all label parts have."""

from typing import get_args

from handful.core.tensors import Similarity
from handful.models.network import COLDEST


def check_similarity(similarity: str, temperature: float) -> None:
    """Check how embeddings are compared with class vectors.

    Args:
        similarity: "dot" or "cosine".
        temperature: divisor of the similarities.

    Raises:
        ValueError: the similarity is unknown, or the temperature is not a number in its range.
    """
    if similarity not in get_args(Similarity):
        raise ValueError(f"similarity must be one of {', '.join(get_args(Similarity))}, not {similarity!r}")
    is_number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if not is_number or not COLDEST <= temperature <= 1000:
        raise ValueError(f"temperature must be a number from {COLDEST} to 1000, not {temperature!r}")
