"""What every augmentation has: its type, checks on its options, and random numbers per image."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from handful.types import Batch

Augment = Callable[[Batch, torch.Generator], Batch]


def within(name: str, value: float, low: float, high: float) -> float:
    """The option's value, if it lies in [low, high].

    Raises:
        ValueError: it does not.
    """
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}, and must be between {low:g} and {high:g}")
    return float(value)


def span(name: str, value: Sequence[float], low: float, high: float) -> tuple[float, float]:
    """The option's two values, if they are ordered and lie in [low, high].

    Raises:
        ValueError: they do not.
    """
    if len(value) != 2 or not low <= value[0] <= value[1] <= high:
        raise ValueError(f"{name} is {value}, and must be two numbers, rising, from {low:g} to {high:g}")
    return float(value[0]), float(value[1])


def uniform(like: Tensor, generator: torch.Generator, low: float, high: float) -> Float[Tensor, " n"]:
    """One number per image of `like` [n ...], uniform in [low, high), on its device."""
    return torch.rand(len(like), generator=generator, device=like.device) * (high - low) + low


def chosen(like: Tensor, generator: torch.Generator, probability: float) -> Tensor:
    """Which images of `like` [n ...] are changed: bool [n], each True with this probability."""
    return torch.rand(len(like), generator=generator, device=like.device) < probability
