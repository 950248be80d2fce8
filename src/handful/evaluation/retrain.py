"""Retrain the classifier of a finished run, whose log holds only predictions, to show its pixel maps."""

import contextlib
from dataclasses import replace
from pathlib import Path

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Run
from handful.data.fingerprint import fingerprint as data_fingerprint
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.recipes.write import fingerprint
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train


def train_again(recipe: Recipe, run: Run, data: Dataset, folder: Path, *, device: str, progress: bool) -> Classifier:
    """Train the recipe again on a run's images, with its seed.

    The classifier is saved in `folder`, and loaded from there the next time.
    """
    chosen = set(run.train_ids)
    part = data.select([i for i, s in enumerate(data.samples) if s.id in chosen])
    mark = {"recipe": fingerprint(recipe), "seed": run.seed, "data": data_fingerprint(part)}
    if folder.exists():
        with contextlib.suppress(ModelError):
            saved = load_classifier(folder, device=select_device(device))
            if saved.card.get("shown") == mark:
                return saved
    classifier = train(recipe, part, seed=run.seed, device=device, progress=progress)
    classifier = replace(classifier, card={**classifier.card, "shown": mark})
    save_classifier(classifier, folder, overwrite=True)
    return classifier
