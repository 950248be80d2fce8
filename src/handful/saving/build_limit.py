"""A limit of what building a network may allocate, for networks whose numbers come from a stranger's files."""

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

SLACK_NUMBERS = 20_000_000  # of temporary tensors, and of tensors that are not saved
SLACK_STEPS = 3000
COPIES = 4  # a number is allocated, initialized and copied
STEPS_PER_TENSOR = 20


class BuildLimit(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Context in which tensors may be made as for a network of a known size, and a few more.

    A saved network has as many numbers as its weights file. One that its recipe describes as far larger is refused
    before the memory is taken.

    Args:
        numbers: of all tensors of the file.
        tensors: in the file.
    """

    def __init__(self, numbers: int, tensors: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = COPIES * numbers + SLACK_NUMBERS
        self.steps = STEPS_PER_TENSOR * tensors + SLACK_STEPS

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """One operation of torch.

        Raises:
            ValueError: the limit is passed.
        """
        self.steps -= 1
        shapes = [a for a in args if isinstance(a, list | tuple) and a and all(isinstance(n, int) for n in a)]
        largest = max((prod(shape) for shape in shapes), default=0)
        if func.__name__.startswith(("eye", "arange", "linspace", "randperm")):
            largest = prod(max(1, int(a)) for a in args if isinstance(a, int))
        if self.steps < 0 or largest > self.numbers:
            raise ValueError("the recipe describes a larger network than the weights are of")
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and not any(isinstance(a, Tensor) for a in args):
            self.numbers -= result.numel()
        return result
