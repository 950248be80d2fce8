"""A ConvNeXt of a few thousand random weights, without batch norms, written to disk in the form of timm's."""

import json
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file

SIDE = 32  # of its images, in pixels
MODEL = "convnext_atto"
ARGS: dict[str, Any] = {"depths": [1, 1, 1, 1], "dims": [8, 8, 16, 16]}


def write_convnet(folder: Path, seed: int = 0) -> str:
    """Write its weights and its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net: Any = timm.create_model(MODEL, num_classes=0, **ARGS)
    save_file(net.state_dict(), folder / "model.safetensors")
    config = {"architecture": MODEL, "model_args": ARGS, "pretrained_cfg": {"input_size": [3, SIDE, SIDE]}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)
