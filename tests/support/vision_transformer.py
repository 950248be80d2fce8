"""A vision transformer of a few thousand random weights, written to disk in the form of timm's published ones."""

import json
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file

SIDE, PATCH, WIDTH, BLOCKS = 32, 8, 16, 4  # of its images and patches, in pixels; of its tokens; number of blocks
MODEL = "vit_small_patch14_dinov2"
ARGS: dict[str, Any] = {"patch_size": PATCH, "embed_dim": WIDTH, "depth": BLOCKS, "num_heads": 2}


def make_transformer(seed: int = 0, **more: Any) -> Any:
    """The network, without a classifier; `more` are further arguments of timm's."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return timm.create_model(MODEL, img_size=SIDE, num_classes=0, **ARGS, **more).eval()


def write_transformer(folder: Path, seed: int = 0, **more: Any) -> str:
    """Write its weights and its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(make_transformer(seed, **more).state_dict(), folder / "model.safetensors")
    about = {"tag": "tiny", "input_size": [3, SIDE, SIDE], "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2]}
    config = {
        "architecture": MODEL,
        "num_classes": 0,
        "model_args": {**ARGS, **more, "img_size": SIDE},
        "pretrained_cfg": about,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)
