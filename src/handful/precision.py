"""At which precision a network runs on a device."""

from contextlib import AbstractContextManager
from typing import Any

import torch


def pick_precision(wish: str, device: torch.device) -> torch.dtype | None:
    """The autocast type for a recipe's `precision`; None is plain float32.

    "auto" is bfloat16 where the hardware multiplies it natively (CUDA from compute capability 8; CPUs with AMX,
    where it halves the time of a step), and float32 elsewhere.
    """
    if wish == "auto":
        if device.type == "cuda":
            native = torch.cuda.get_device_capability(device)[0] >= 8
        else:
            native = device.type == "cpu" and bool(torch.cpu.get_capabilities().get("amx_bf16", False))
        return torch.bfloat16 if native else None
    return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[wish]


def autocast(wish: str, device: torch.device) -> AbstractContextManager[Any]:
    """A context in which a network runs at the recipe's precision."""
    kind = pick_precision(wish, device)
    return torch.autocast(device.type, kind or torch.bfloat16, enabled=kind is not None)
