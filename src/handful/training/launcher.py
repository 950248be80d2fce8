"""Whether a launcher started this process, and beside how many others."""

import os


def rank_and_world_size() -> tuple[int, int]:
    """The number of this process, and how many a launcher (torchrun, accelerate) started together: (0, 1) alone."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
