"""Rank and world size of this process under a distributed launcher (torchrun, accelerate)."""

import os

from handful.errors import ProtocolError

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK")


def rank_and_world_size() -> tuple[int, int]:
    """Rank of this process and number of processes that the launcher started; (0, 1) without a launcher."""
    return _number("RANK", 0), _number("WORLD_SIZE", 1)


def check_launcher() -> None:
    """Check the environment variables that a launcher sets.

    Raises:
        ProtocolError: one is not a whole number, or the rank is not below the world size.
    """
    for variable in VARIABLES:
        text = os.environ.get(variable, "").strip()
        if text and not (text.isdecimal() and text.isascii()):
            raise ProtocolError(
                f"{variable}={text!r} is not a whole number",
                where="environment",
                remedy="unset it, or let torchrun or accelerate launch set it.",
            )
    rank, world_size = rank_and_world_size()
    if rank >= world_size:
        raise ProtocolError(
            f"RANK={rank} is not below WORLD_SIZE={world_size}",
            where="environment",
            remedy="unset both, or let torchrun or accelerate launch set them.",
        )


def _number(variable: str, default: int) -> int:
    """The value of an environment variable that a launcher sets; the default where it is no number."""
    text = os.environ.get(variable, "").strip()
    return int(text) if text.isdecimal() else default
