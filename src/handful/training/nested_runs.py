"""The networks that a training trains on the way, kept below its folder: what was finished is not trained again.

Members of an ensemble, the folds' networks of a calibration, the network that draws the masks, a tree's network. A
stopped run finds them under the recipe, the data and the seed they came from.
"""

from collections.abc import Callable
from pathlib import Path

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.fingerprint import fingerprint as data_fingerprint
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.recipes.write import fingerprint
from handful.saving.checkpoint import NETWORKS
from handful.saving.classifier import is_model, load_classifier, save_classifier

Fit = Callable[[Recipe, Dataset, int, Path | None], Classifier]


def kept(fit: Fit, folder: Path | None, *, resume: bool, device: str) -> Callable[[Recipe, Dataset, int], Classifier]:
    """`fit` with a folder of its own for each network below `folder`; heads that are only fitted take none.

    Args:
        fit: trains a recipe on data from a seed, with its checkpoints in the folder it is given.
        folder: the run's own; None keeps nothing.
        resume: take what is there.
        device: where a network that was there is put.
    """

    def one(recipe: Recipe, data: Dataset, seed: int) -> Classifier:
        if folder is None or not recipe.stages:
            return fit(recipe, data, seed, None)
        own = folder / NETWORKS / f"{fingerprint(recipe)}-{data_fingerprint(data)}-{seed}"
        if resume and is_model(own):
            return load_classifier(own, device=select_device(device))
        classifier = fit(recipe, data, seed, own)
        save_classifier(classifier, own, overwrite=True)
        return classifier

    return one
