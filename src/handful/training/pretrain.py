"""Pretraining: a backbone from images alone, by losses that read no label, for recipes to begin with."""

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.files import lock_output
from handful.core.recipe import Part, Recipe
from handful.data.fingerprint import TRAINED_ON
from handful.data.splits import split_sizes
from handful.errors import DataError, RecipeError
from handful.models.norm import with_norm
from handful.parts.registry import has_trait, names_with
from handful.recipes.checks import check
from handful.saving.backbone_folder import save_backbone
from handful.saving.checkpoint import refuse_unfinished
from handful.saving.classifier import refuse_existing_model
from handful.saving.training_images import digests_of_run
from handful.training.launcher import rank_and_world_size
from handful.training.loop import Log
from handful.training.train import Settings, run_training

FEWEST = 2  # images
RECIPE = "contrastive-wrn"
TRAITS = ("trains_no_classifier", "uses_unlabelled")  # of losses that need no label


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A backbone that was pretrained: its folder, the recipe, and the card with the facts of the training."""

    folder: Path
    recipe: Recipe
    card: dict[str, Any]


def pretrain(
    folder: str | Path,
    recipe: Recipe,
    data: Dataset,
    *,
    seed: int = 0,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    log: Log | None = None,
) -> Pretrained:
    """Train the backbone of a recipe on images without their labels, and save it in `folder`.

    The folder is then a backbone for recipes: `load_recipe("logistic", backbone=folder)`, or their option
    `backbone.weights`. It knows the images that it has seen, so that `evaluate` and `compare` refuse to score them.
    Images of the splits "val" and "test" are left out.

    Args:
        folder: of the backbone. While training, it holds the checkpoint.
        recipe: one whose losses need no label, such as contrastive-wrn. Its `posthoc` is not read.
        data: the images; labels and masks are removed.
        seed: decides initial weights, order and augmentation.
        device: as for `train`.
        resume: continue a stopped run from the checkpoint in `folder`.
        overwrite: replace what an earlier run wrote to `folder`.
        progress: show a bar.
        log: called after each step, as for `train`.

    Raises:
        RecipeError, DataError, OutputError: before training starts.
        TrainingError: as `train`.

    Example:
        >>> from handful import load_data, load_recipe, pretrain
        >>> digits = load_data("digits").select(range(30))
        >>> small = ("backbone.depth=10", "backbone.width=1", "steps=2", "batch_size=8")
        >>> recipe = load_recipe("contrastive-wrn", overrides=small)
        >>> pretrain("digits-backbone", recipe, digits, device="cpu", progress=False).card["unlabelled_images"]
        30
    """
    folder, started = Path(folder), time.monotonic()
    recipe = replace(recipe, posthoc=())
    _refuse_labels_needed(recipe)
    check(replace(recipe, posthoc=(Part("class_means"),)))  # without a classifier, only pretraining is possible
    images = _images(data)
    task = Task(images.classes, np.array([len(images)], dtype=np.int64))
    first = rank_and_world_size()[0] == 0
    with lock_output(folder) if first else nullcontext():
        refuse_existing_model(folder, overwrite=overwrite)
        refuse_unfinished(folder, resume=resume, overwrite=overwrite)
        with torch.random.fork_rng():
            settings = Settings(seed, device, folder, resume, progress, log)
            setup, assembly, steps = run_training(recipe, images, settings, task=task)
        card = {
            "torch": torch.__version__,
            "seed": seed,
            "unlabelled_images": len(images),
            "steps": steps,
            "device": setup.device.type,
            "seconds": round(time.monotonic() - started, 2),
            TRAINED_ON: digests_of_run(recipe, images),
        }
        recipe = with_norm(replace(recipe, image_size=setup.size), task.counts)  # as the weights are
        if first:
            save_backbone(assembly.trained.backbone, recipe, card, folder, overwrite=True)  # type: ignore[arg-type]
    return Pretrained(folder, recipe, card)


def _images(data: Dataset) -> Dataset:
    """The training images without their labels.

    Raises:
        DataError: there are fewer than two.
    """
    images = data.split("train", None).without_labels()
    if len(images) < FEWEST:
        remedy = "give more images of no split, or train."
        raise DataError("fewer than two training images", where=split_sizes(data), remedy=remedy)
    return replace(images, classes=("image",), kind="multiclass")


def _refuse_labels_needed(recipe: Recipe) -> None:
    """Refuse a recipe with a part that learns from labels or masks.

    Raises:
        RecipeError: names it, and the losses that need none.
    """
    losses = [part for stage in recipe.stages for part in stage.losses]
    needing = [p for p in losses if not all(has_trait("losses", p, trait) for trait in TRAITS)]
    if losses and not needing and not recipe.prepare and not any(stage.unlabelled for stage in recipe.stages):
        return
    free = set.intersection(*(set(names_with("losses", trait)) for trait in TRAITS))
    what = f"loss {needing[0].name!r}" if needing else "head" if not losses else "prepare, or a stage's unlabelled,"
    raise RecipeError(
        f"pretraining reads no label, and this recipe's {what} needs labels",
        where=recipe.name,
        remedy=f"use a recipe such as {RECIPE}, all of whose losses are among {', '.join(sorted(free))}.",
    )
