"""Pretrained weights under an adapted backbone: stored by name and digest, and looked for when a model is loaded."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from handful.core.recipe import Part, Recipe
from handful.errors import ModelError, WeightsError
from handful.models import stored_values
from handful.models.base_weights import base_names, described

FILE = "backbone.safetensors"  # in the folder of a model, where a user may put the weights
SHOWN = 12  # characters of a digest
MOST = 1000  # backbones of a model


def stored_backbones(value: Any) -> list[dict[str, str]]:
    """Name and digest of each backbone whose pretrained weights a model does not contain.

    Raises:
        ValueError: this is no list of them.
    """
    if not isinstance(value, list) or len(value) > MOST:
        raise ValueError("the pretrained backbones are not a list, or too many")
    for entry in value:
        table = stored_values.table(entry, "a pretrained backbone")
        if table.keys() != {"model", "digest"} or not all(isinstance(text, str) for text in table.values()):
            raise ValueError("a pretrained backbone has no name or no digest")
    return value


def backbone_with_weights(recipe: Recipe, folder: Path) -> Part:
    """The backbone of a model with the weights in the model's folder, or with those that it was trained from."""
    file = folder / FILE
    if not file.is_file():
        return recipe.backbone
    options = {k: v for k, v in recipe.backbone.options.items() if k != "pretrained"}
    return replace(recipe.backbone, options={**options, "weights": str(file)})


def load_trained(network: nn.Module, state: dict[str, Any]) -> None:
    """Load the tensors of a saved network: all, but the pretrained ones under an adapted backbone.

    Raises:
        ValueError: others are missing, or left over.
    """
    result = network.load_state_dict(state, strict=False)
    missing = set(result.missing_keys) - base_names(network)
    if missing or result.unexpected_keys:
        raise ValueError(f"{len(missing)} tensors are missing, and {len(result.unexpected_keys)} are left over")


def refuse_other(network: nn.Module, stored: Sequence[dict[str, str]], folder: Path) -> None:
    """Refuse pretrained weights that are not those that the model adapts.

    Raises:
        ModelError: names both digests.
    """
    for here, there in zip(described(network) if stored else (), stored, strict=True):
        if here["digest"] != there["digest"]:
            raise ModelError(
                f"this model adapts {there['model']}, and the weights here are others (their digest begins with "
                f"{here['digest'][:SHOWN]}, not {there['digest'][:SHOWN]})",
                where=folder,
                remedy=f"copy the weights that it was trained from to {folder / FILE}.",
            )


def cannot_load(error: WeightsError, recipe: Recipe, folder: Path) -> ModelError:
    """The error for a model whose pretrained weights cannot be loaded."""
    source = recipe.backbone.options.get("weights", "the cache of the Hugging Face hub")
    return ModelError(
        f"this model adapts {recipe.backbone.options.get('model')}, whose weights are not in its folder and cannot be "
        f"loaded ({error.what})",
        where=folder,
        remedy=f"copy the weights that it was trained from to {folder / FILE}, or bring them back to {source}.",
    )
