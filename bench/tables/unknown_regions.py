"""Unknown regions: pixels of an object of a class that was never trained, against the control maximum probability.

Generated collages (bench/support/collages): networks learn the digits 2 and 3, 20 images each; they are scored on
images of which each shows a 5 or, as the rest, a 2 or 3 that training did not have. The measure is the area under the
curve of the uncertainty: pixels of the 5 against all pixels of known images, background and object, and the false
alarms where 95 % of the 5's pixels are found. Every draw generates other images. Nothing was chosen on draws 0 to 4.
"""

from dataclasses import replace
from time import process_time

import numpy as np
import torch
from sklearn.metrics import roc_auc_score, roc_curve

from bench.support.collages import collages
from bench.support.options import Options
from bench.support.record import append
from handful.core.dataset import Dataset
from handful.models.classifier import Classifier
from handful.parts.posthoc.unknown_regions import pixel_uncertainty
from handful.recipes.load import load_recipe
from handful.training.train import train

KNOWN, UNKNOWN = ("2", "3"), "5"
SETTINGS = ("image_size=[128, 128]", "posthoc=[]")
DISCRIMINATIVE = '{name="pixel_discriminative",weight=0.1}'
NETWORKS = {
    "cross-entropy": ("cvs", ()),
    "evidential": ("cvs-unknown", ('stages.0.losses=[{name="pixel_evidential",foreground=0.7}]',)),
    "evidential and discriminative": ("cvs-unknown", ()),
}
SCORES = {
    "cross-entropy": ("max_probability", "energy"),
    "evidential": ("evidential", "max_probability"),
    "evidential and discriminative": ("evidential",),
}


def run(options: Options) -> None:
    """Every network and score, draw by draw."""
    for draw in range(1 if options.quick else options.draws):
        measure(draw, options)


def measure(draw: int, options: Options, *overrides: str, names: tuple[str, ...] = tuple(NETWORKS)) -> None:
    """Print and record the networks of one draw.

    Args:
        draw: of the images.
        options: where the data are.
        overrides: of the recipes, for choosing.
        names: of the networks.
    """
    given, known, unknown = drawn(draw, options)
    for name in names:
        base, own = NETWORKS[name]
        recipe = load_recipe(base, overrides=(*SETTINGS, *own, *overrides, *(("steps=2",) if options.quick else ())))
        start = process_time()
        classifier = train(recipe, given, seed=draw, device="cpu", progress=False)
        seconds = process_time() - start
        for score in SCORES[name]:
            values = [of_pixels(classifier, data, score) for data in (known, unknown)]
            masks = np.stack([s.mask for s in unknown.samples if s.mask is not None])
            auc, alarms = separation(values[1][masks], values[0].ravel())
            accuracy = float((classifier.predict(known) == known.labels).mean())
            line = {"network": name, "score": score, "draw": draw, "auc": auc, "false_alarms": alarms}
            line |= {"accuracy": round(accuracy, 4), "seconds": round(seconds, 1)}
            append("unknown-regions", line, quick=options.quick or draw >= 100)
            print(
                f"{name:<30} {score:<16} draw {draw}  AUC {auc:.3f}  false alarms {alarms:.3f}  {accuracy:.3f}",
                flush=True,
            )


def drawn(draw: int, options: Options) -> tuple[Dataset, Dataset, Dataset]:
    """Training images, others of the same digits, and images of the third digit."""
    data = collages(options.folder(), each=30, seed=1000 + draw)
    of = {name: [i for i, s in enumerate(data.samples) if s.label == data.classes.index(name)] for name in data.classes}
    parts = [
        [i for name in KNOWN for i in of[name][:20]],
        [i for name in KNOWN for i in of[name][20:]],
        of[UNKNOWN][:20],
    ]
    training, known, unknown = (data.select(part) for part in parts)
    training = replace(training, classes=KNOWN)
    known = replace(known, classes=KNOWN)
    return training, known, unknown


def of_pixels(classifier: Classifier, data: Dataset, score: str) -> np.ndarray:
    """The uncertainty of every pixel."""
    outputs = classifier.outputs(data.without_labels())
    return torch.cat([pixel_uncertainty(o.pixels, score).float() for o in outputs if o.pixels is not None]).numpy()  # type: ignore[arg-type]


def separation(unknown: np.ndarray, known: np.ndarray) -> tuple[float, float]:
    """Area under the curve, and the share of known pixels above where 95 % of the unknown ones are."""
    truth = np.concatenate([np.ones(len(unknown)), np.zeros(len(known))])
    values = np.concatenate([unknown, known])
    false, true, _ = roc_curve(truth, values)
    return round(float(roc_auc_score(truth, values)), 4), round(float(np.interp(0.95, true, false)), 4)
