"""Which device a user's word means."""

import torch

from handful.errors import TrainingError

DEVICES = ("auto", "cpu", "cuda", "mps")


def pick_device(wish: str) -> str:
    """A torch device name; "auto" is the first GPU where there is one.

    Raises:
        TrainingError: no such kind of device, or none of that kind here.
    """
    kind = wish.split(":")[0]
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wish == "auto":
        return next((name for name in ("cuda", "mps") if here[name]), "cpu")
    if kind not in here:
        raise TrainingError(f"unknown device {wish!r}", remedy=f"choose one of {', '.join(DEVICES)}.")
    if not here[kind]:
        raise TrainingError(f"there is no {kind} device here", where=wish, remedy="use auto or cpu.")
    return wish
