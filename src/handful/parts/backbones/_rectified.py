"""Whether the features of a network are never negative, by the layers that it runs last."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from handful.models.timm_models import MODEL_ERRORS

RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Hardsigmoid, nn.Softplus)
KEEP_THE_SIGN = ("pool", "dropout", "droppath", "dropblock", "flatten", "identity")  # in the names of modules


def ends_rectified(net: nn.Module, run: Callable[[Tensor], Any], size: tuple[int, int]) -> bool:
    """Whether the last layer is a ReLU or its like, with no more than pooling behind it.

    The layers are followed in the order in which they run on an image of the meta device, so that nothing is computed.
    A network whose layers cannot be followed in this way counts as one whose features may be negative.

    Args:
        net: the network, on the meta device.
        run: computes its features.
        size: height and width of the image.
    """
    last: list[nn.Module] = []

    def note(module: nn.Module, _inputs: object, _output: object) -> None:
        name = type(module).__name__.lower()
        if not any(kind in name for kind in KEEP_THE_SIGN):
            last[:] = [module]

    hooks = [m.register_forward_hook(note) for m in net.modules() if not any(True for _ in m.children())]
    try:
        with torch.no_grad():
            run(torch.zeros(1, 3, *size, device="meta"))
    except MODEL_ERRORS:
        return False
    finally:
        for hook in hooks:
            hook.remove()
    return bool(last) and isinstance(last[0], RECTIFIERS)
