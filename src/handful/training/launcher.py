"""Rank and world size of this process under a distributed launcher (torchrun, accelerate)."""

import os


def rank_and_world_size() -> tuple[int, int]:
    """Rank of this process and number of processes that the launcher started; (0, 1) without a launcher."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
