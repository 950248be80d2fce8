"""Rank and world size of this process under a distributed launcher (torchrun, accelerate)."""

import os


def rank_and_world_size() -> tuple[int, int]:
    """Rank of this process and number of processes that the launcher started; (0, 1) without a launcher."""
    return _number("RANK", 0), _number("WORLD_SIZE", 1)


def _number(variable: str, default: int) -> int:
    """The value of an environment variable that a launcher sets; the default where it is no number."""
    text = os.environ.get(variable, "").strip()
    return int(text) if text.isdecimal() else default
