"""CvS's class score (equation 1) pooled from the same maps in three ways: MNIST from scratch, and white blood cells.

The paper does not say what it averages. The pixel loss knows nothing of the rule, so each network is trained once and
read three times: every difference is the rule's. MNIST at 5 per class with 1,000 steps, a third of the recipe's.
"""

from dataclasses import replace
from typing import cast

from bench.support.accuracy import PREDICTIONS, show
from bench.support.data import cells_once, mnist
from bench.support.options import Options
from bench.support.record import RESULTS
from bench.tables.cvs_cells import PROPAGATE, SETTINGS
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.evaluation.evaluate import Protocol, sweep
from handful.models.classifier import Classifier
from handful.parts.heads.segmentation import Segmentation
from handful.recipes.load import load_recipe
from handful.training.train import train

RULES = ("logits", "probability", "foreground")


class Reader:
    """A trainer that trains once for all rules: recipes that differ in `head.pool` share the network of a draw."""

    name = "bench.cvs_pooling.Reader"  # the word that logs hold

    def __init__(self) -> None:
        self.trained: dict[int, Classifier] = {}

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> Classifier:
        """The network of this seed, trained now or before, read by the recipe's rule."""
        if seed not in self.trained:
            self.trained[seed] = train(recipe, data, seed=seed, device=device, progress=progress)
        classifier = self.trained[seed]
        cast(Segmentation, classifier.network.head).pool = recipe.head.options["pool"]
        return replace(classifier, recipe=recipe)


def run(options: Options) -> None:
    """Each set under each rule, on the same draws."""
    folder = options.folder()
    blood = cells_once(folder)
    for data, name, overrides in (
        (mnist(folder), "cvs-wrn", ("steps=1000",)),
        (blood, "cvs-lite0", (*SETTINGS, PROPAGATE)),
    ):
        quick = ("steps=4",) if options.quick else ()
        wanted = [
            replace(load_recipe(name, overrides=(*overrides, *quick, f"head.pool={rule}")), name=f"{name}, {rule}")
            for rule in RULES
        ]
        results = sweep(
            wanted,
            data,
            per_class=(5,),
            protocol=Protocol(draws=tuple(range(options.draws))),
            log=None if options.quick else RESULTS / "cvs-pooling.jsonl",
            predictions=PREDICTIONS / "cvs-pooling",
            trainer=Reader(),
        )
        show(results, control=f"{name}, logits")
