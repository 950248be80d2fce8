"""Checkpoints of nested trainings, so that a resumed run reuses the networks that were finished.

Nested are ensemble members, the networks of calibration folds, a network that propagates masks, and one for a tree of
classes. Each has a folder below the run's, named by its recipe, data and seed.
"""

from collections.abc import Callable
from pathlib import Path

from handful.core.context import Fit
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.fingerprint import fingerprint as data_fingerprint
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.recipes.write import fingerprint
from handful.saving.checkpoint import NETWORKS
from handful.saving.classifier import load_classifier, save_classifier
from handful.saving.model_folder import is_model

FolderFit = Callable[[Recipe, Dataset, int, Path | None], Classifier]


def memoize_on_disk(fit: FolderFit, folder: Path | None, *, resume: bool, device: str) -> Fit:
    """`fit` with a folder for each network, in which a resumed run finds it; a head that is only fitted gets none.

    Args:
        fit: trains a recipe on data from a seed, with its checkpoints in the folder it is given.
        folder: of the outer run; None saves nothing.
        resume: load networks that are saved there instead of training them again.
        device: where a loaded network is put.
    """

    def fit_or_load(recipe: Recipe, data: Dataset, seed: int) -> Classifier:
        if folder is None or not recipe.stages:
            return fit(recipe, data, seed, None)
        own_folder = folder / NETWORKS / f"{fingerprint(recipe)}-{data_fingerprint(data)}-{seed}"
        if resume and is_model(own_folder):
            return load_classifier(own_folder, device=select_device(device))
        classifier = fit(recipe, data, seed, own_folder)
        save_classifier(classifier, own_folder, overwrite=True)
        return classifier

    return fit_or_load
