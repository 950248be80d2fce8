"""Where and how precisely a network runs: the device by name, the precision, and autocast."""

from contextlib import AbstractContextManager
from typing import Any

import torch

from handful.errors import TrainingError

DEVICES = ("auto", "cpu", "cuda", "mps")


def select_device(name: str) -> str:
    """A torch device name; "auto" is the first GPU where there is one.

    Raises:
        TrainingError: no such kind of device, or none of that kind here.
    """
    kind = name.split(":")[0]
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next((kind for kind in ("cuda", "mps") if here[kind]), "cpu")
    if kind not in here:
        raise TrainingError(f"unknown device {name!r}", remedy=f"choose one of {', '.join(DEVICES)}.")
    if not here[kind]:
        raise TrainingError(f"no {kind} device found", where=name, remedy="use auto or cpu.")
    return name


def select_precision(name: str, device: torch.device) -> torch.dtype | None:
    """The autocast type for a recipe's `precision`; None is plain float32.

    "auto" is bfloat16 where the hardware multiplies it natively (CUDA from compute capability 8; CPUs with AMX or
    AVX-512 BF16, where it halves the time of a residual network's step), and float32 elsewhere.
    """
    if name == "auto":
        if device.type == "cuda":
            native = torch.cuda.get_device_capability(device)[0] >= 8
        else:
            native = device.type == "cpu" and cpu_multiplies_bfloat16()
        return torch.bfloat16 if native else None
    return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[name]


def cpu_multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for products of bfloat16: AMX (Intel) or AVX-512 BF16 (AMD as well)."""
    able = torch.cpu.get_capabilities()
    return any(bool(able.get(kind, False)) for kind in ("amx_bf16", "avx512_bf16"))


def autocast(name: str, device: torch.device) -> AbstractContextManager[Any]:
    """A context in which a network runs at the recipe's precision."""
    kind = select_precision(name, device)
    return torch.autocast(device.type, kind or torch.bfloat16, enabled=kind is not None)
