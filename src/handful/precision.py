"""At which precision a network runs on a device."""

from contextlib import AbstractContextManager
from typing import Any

import torch


def pick_precision(wish: str, device: torch.device) -> torch.dtype | None:
    """The autocast type for a recipe's `precision`; None is plain float32.

    "auto" is bfloat16 where the hardware multiplies it natively (CUDA from compute capability 8; CPUs with AMX or
    AVX-512 BF16, where it halves the time of a residual network's step), and float32 elsewhere.
    """
    if wish == "auto":
        if device.type == "cuda":
            native = torch.cuda.get_device_capability(device)[0] >= 8
        else:
            native = device.type == "cpu" and cpu_multiplies_bfloat16()
        return torch.bfloat16 if native else None
    return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[wish]


def cpu_multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for products of bfloat16: AMX (Intel) or AVX-512 BF16 (AMD as well)."""
    able = torch.cpu.get_capabilities()
    return any(bool(able.get(kind, False)) for kind in ("amx_bf16", "avx512_bf16"))


def autocast(wish: str, device: torch.device) -> AbstractContextManager[Any]:
    """A context in which a network runs at the recipe's precision."""
    kind = pick_precision(wish, device)
    return torch.autocast(device.type, kind or torch.bfloat16, enabled=kind is not None)
