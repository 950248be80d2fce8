"""How embeddings are compared with class vectors: what the label parts have in common."""

from typing import get_args

from handful.core.tensors import Similarity
from handful.models.network import COLDEST


def check_comparison(similarity: str, temperature: float) -> None:
    """Refuse a comparison that cannot be made.

    Raises:
        ValueError: an unknown similarity, or a temperature that is none.
    """
    if similarity not in get_args(Similarity):
        raise ValueError(f"similarity is one of {', '.join(get_args(Similarity))}, not {similarity!r}")
    number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if not number or not COLDEST <= temperature <= 1000:
        raise ValueError(f"temperature is a number from {COLDEST} to 1000, not {temperature!r}")
