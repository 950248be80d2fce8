"""Do scores rise if propagated masks come from a segmenter that saw the scored images? White blood cells.

Five drawn masks of each class train a segmenter, which masks all other cells: in three-fold cross-validation (three
times) the training masks then come from a model that saw held-out images with their masks. Beside it the same masks
with their provenance, which each split makes again from the drawn masks in it.
"""

from dataclasses import replace

from bench.support.accuracy import PREDICTIONS, show
from bench.support.data import cells_once
from bench.support.options import Options
from bench.support.record import RESULTS
from handful.annotation.propagate import propagate_dataset
from handful.core.dataset import Dataset
from handful.evaluation.evaluate import Protocol, evaluate
from handful.recipes.load import load_recipe

TABLE = "mask-leak"
SETTINGS = ("backbone.depth=10", "backbone.width=1", "image_size=[32,32]", "prepare=[]")
MASKS = 5  # drawn masks of each class


def run(options: Options) -> None:
    """The masks as if they were drawn, then with their provenance."""
    steps = 4 if options.quick else 250
    recipe = load_recipe("cvs-wrn", overrides=(*SETTINGS, f"steps={steps}"))
    data = cells_once(options.folder())
    _, known, _ = propagate_dataset(recipe, data, per_class=MASKS)
    protocol = Protocol(draws=(0,) if options.quick else (0, 1, 2), folds=3)
    results = []
    for name, masked in (("honest", known), ("leaky", _as_drawn(known))):
        results.append(
            evaluate(
                replace(recipe, name=name),
                masked,
                protocol=protocol,
                jobs=options.jobs,
                log=None if options.quick else RESULTS / f"{TABLE}.jsonl",
                predictions=PREDICTIONS,
            )
        )
    show(results, control="honest")


def _as_drawn(data: Dataset) -> Dataset:
    """The data with all masks called drawn by hand, as they were read until their files told."""
    samples = (replace(s, mask_source="hand") if s.mask is not None else s for s in data.samples)
    return replace(data, samples=tuple(samples), segmenter_saw=None)
