"""What every augmentation has: its type, checks on its options, and random numbers per image."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from handful.core.tensors import Batch

Augment = Callable[[Batch, torch.Generator], Batch]


def within(name: str, value: object, low: float, high: float, *, whole: bool = False) -> None:
    """Check that an option is a number (a whole one if `whole`) in [low, high].

    Raises:
        ValueError: it is not.
    """
    number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:  # type: ignore[operator]
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{name} must be {kind} between {low:g} and {high:g}, not {value!r}")


def one_of(name: str, value: object, choices: Sequence[str]) -> None:
    """Check that an option is one of these words.

    Raises:
        ValueError: it is not.
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def span(name: str, value: Sequence[float], low: float, high: float) -> tuple[float, float]:
    """Check that an option is two numbers, rising, in [low, high]; returns them.

    Raises:
        ValueError: it is not.
    """
    ends = tuple(value) if isinstance(value, Sequence) else ()
    numbers = len(ends) == 2 and all(isinstance(end, int | float) for end in ends)
    if not numbers or not low <= ends[0] <= ends[1] <= high:
        raise ValueError(f"{name} must be two numbers, rising, from {low:g} to {high:g}, not {value!r}")
    return float(ends[0]), float(ends[1])


def uniform(like: Tensor, generator: torch.Generator, low: float, high: float) -> Float[Tensor, " n"]:
    """Draw one number per image of `like` [n ...], uniform in [low, high), on its device."""
    return torch.rand(len(like), generator=generator, device=like.device) * (high - low) + low


def chosen(like: Tensor, generator: torch.Generator, probability: float) -> Bool[Tensor, " n"]:
    """Draw which images of `like` [n ...] are changed: bool [n], each True with this probability."""
    return torch.rand(len(like), generator=generator, device=like.device) < probability
