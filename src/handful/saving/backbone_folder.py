"""A pretrained backbone as a folder: recipe, weights and card, without classes; `--backbone FOLDER` takes it.

It has the files of a saved classifier but that with the classes, so that what reads a backbone off a classifier reads
it, too: its card has the digests of the images that it learned from.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from handful._version import __version__
from handful.core.files import replace_folder
from handful.core.recipe import Recipe
from handful.recipes.write import to_toml
from handful.saving.classifier import refuse_existing_model
from handful.saving.disk_space import refuse_when_full
from handful.saving.model_folder import RECIPE, VALUES, WEIGHTS

FREE = "free disk space, then run the same again; a checkpoint that is there stays."


def save_backbone(
    backbone: nn.Module, recipe: Recipe, card: Mapping[str, Any], folder: Path, *, overwrite: bool = False
) -> Path:
    """Write a backbone to a folder, whole or not at all.

    Args:
        backbone: the network.
        recipe: that it was trained by.
        card: facts of the training.
        folder: that is written.
        overwrite: replace a model or backbone that is there.

    Raises:
        OutputError: the folder exists and `overwrite` is false, it holds other files than a saved model, or the disk is
            full.
    """
    refuse_existing_model(folder, overwrite=overwrite)
    tensors = {f"backbone.{k}": v.detach().cpu().contiguous() for k, v in backbone.state_dict().items()}
    facts = {"handful": __version__, **card}
    with refuse_when_full(folder, "the backbone", remedy=FREE), replace_folder(folder) as draft:
        save_file(tensors, draft / WEIGHTS)
        (draft / RECIPE).write_text(to_toml(recipe), encoding="utf-8")
        (draft / VALUES).write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")
    return folder
