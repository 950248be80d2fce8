"""The type of an augmentation, checks of its options, and random numbers per image."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from handful.core.tensors import Batch

Augment = Callable[[Batch, torch.Generator], Batch]
_GRAY_TOLERANCE = 1e-3


def check_number(name: str, value: object, low: float, high: float, *, whole: bool = False) -> None:
    """Check that an option is a number in [low, high].

    Args:
        name: of the option, for the error.
        value: of the option.
        low: smallest allowed value.
        high: largest allowed value.
        whole: the number must be an int.

    Raises:
        ValueError: it is not.
    """
    is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:  # type: ignore[operator]
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{name} must be {kind} between {low:g} and {high:g}, not {value!r}")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Check that an option is one of the choices.

    Raises:
        ValueError: it is not.
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def check_range(name: str, value: Sequence[float], low: float, high: float) -> tuple[float, float]:
    """Check that an option is two numbers in ascending order in [low, high], and return them.

    Raises:
        ValueError: it is not.
    """
    ends = tuple(value) if isinstance(value, Sequence) else ()
    are_numbers = len(ends) == 2 and all(isinstance(end, int | float) for end in ends)
    if not are_numbers or not low <= ends[0] <= ends[1] <= high:
        raise ValueError(f"{name} must be two numbers, rising, from {low:g} to {high:g}, not {value!r}")
    return float(ends[0]), float(ends[1])


def uniform(like: Tensor, generator: torch.Generator, low: float, high: float) -> Float[Tensor, " n"]:
    """Draw one number per image of `like` [n ...], uniform in [low, high), on the device of `like`."""
    return torch.rand(len(like), generator=generator, device=like.device) * (high - low) + low


def bernoulli(like: Tensor, generator: torch.Generator, probability: float) -> Bool[Tensor, " n"]:
    """Draw one bool per image of `like` [n ...], True with this probability, on the device of `like`."""
    return torch.rand(len(like), generator=generator, device=like.device) < probability


def is_gray(images: Float[Tensor, "n c h w"]) -> Bool[Tensor, "n 1 1 1"]:
    """Compute which images have equal channels, up to a quarter of an 8-bit step."""
    return (images - images[:, :1]).abs().amax(dim=(1, 2, 3), keepdim=True) < _GRAY_TOLERANCE
