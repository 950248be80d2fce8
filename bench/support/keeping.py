"""A trainer that caches its networks: recipes that differ only in their post-hoc parts share a network.

A network is kept as it is before its post-hoc parts, by recipe, seed and training images; the same seed on the same
machine gives the same network, so sharing changes no number, only the hours. The seconds of such a run are not those of
a training.
"""

import hashlib
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.fingerprint import fingerprint as data_fingerprint
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.recipes.load import load_recipe
from handful.recipes.write import fingerprint
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import nested_fit, train


@dataclass(frozen=True)
class Keeping:
    """`handful.train`, with the networks of earlier calls kept below `folder`."""

    name: ClassVar[str] = "bench.keeping.Keeping"  # the word that logs hold
    folder: Path

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> Classifier:
        """The classifier of this recipe: its network trained now, or by an earlier call."""
        without_posthoc = replace(recipe, name="network", posthoc=())
        key = f"{fingerprint(without_posthoc)} {seed} {data_fingerprint(data)}"
        path = self.folder / hashlib.sha256(key.encode()).hexdigest()[:16]
        if not path.exists():
            _put(train(without_posthoc, data, seed=seed, device=device, progress=progress), path)
        classifier = replace(load_classifier(path, device="cpu" if device == "auto" else device), recipe=recipe)
        fit = nested_fit(device, progress=False)
        task = Task(data.classes, data.counts)
        context = registry.make_context(
            recipe,
            task,
            seed=seed,
            labels=classifier.labels,
            fit=fit,
            load=load_classifier,
            named=load_recipe,
            data=data,
        )
        for part in recipe.posthoc:
            classifier = registry.build("posthoc", part, context)((classifier,), data)
        return classifier


def _put(classifier: Classifier, path: Path) -> None:
    """Save under another name first: a network that is there is whole. Who comes second finds it done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        saved = save_classifier(classifier, Path(scratch) / "network")
        with suppress(OSError):
            saved.rename(path)
