"""Zero-shot classification with soft labels: images of classes that are named but were not trained on.

Fifteen of twenty classes of CIFAR-100 are trained on (50 images each, WRN-16-1, MiniLM vectors as in `soft-labels`),
the other five are given by name, as `handful predict --classes` does; in each draw it is other five. Scored on test
images: the five among themselves (chance: 20 %), both kinds among all twenty, the same by Loki's Frechet mean; and how
many images of either kind `out_of_distribution` marks as unlike every class, at 5 % of training images.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import numpy as np
import torch
from jaxtyping import Float

from bench.support.data import cifar100_twenty, only_classes
from bench.support.options import Options
from bench.support.record import append
from bench.tables.soft_labels import MINILM, TASKS, recipes, soft
from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.data import splits
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.saving.extra_classes import with_names
from handful.training.train import train

LEFT_OUT, PER_CLASS = 5, 50
REJECT = Part("out_of_distribution", {"false_rejection": 0.05, "folds": 2})


def run(options: Options) -> None:
    """A line for each draw."""
    draws = range(1 if options.quick else options.draws)
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for line in pool.map(partial(_draw, options), draws):
            print(", ".join(f"{key} {value}" for key, value in line.items()))
            append("soft-labels-unseen", line, quick=options.quick)


def _draw(options: Options, draw: int) -> dict[str, float]:
    torch.set_num_threads(1)
    data = cifar100_twenty(options.folder())
    order = np.random.default_rng(draw).permutation(len(data.classes))
    named = tuple(data.classes[i] for i in sorted(order[:LEFT_OUT]))
    trained = tuple(name for name in data.classes if name not in named)
    task = next(t for t in TASKS if t.name == "cifar100")
    (wish,) = recipes(task, {"soft labels": (soft(MINILM),)}, options)
    images, _ = splits.draw(only_classes(data, trained), 2 if options.quick else PER_CLASS, draw)
    guarded = train(replace(wish, posthoc=(REJECT,)), images, seed=draw, device="cpu", progress=False)
    plain = train(wish, images, seed=draw, device="cpu", progress=False)
    test = splits.scored_split(data, "test")
    seen, unseen = only_classes(test, trained), only_classes(test, named)
    rejected = [float((guarded.predict_all(part).answers == len(trained)).mean()) for part in (seen, unseen)]
    wide = with_names(plain, named)
    fifteen, twenty, mean = (_shares(c, seen, unseen) for c in (plain, wide, _loki(wide)))
    five = twenty[1][:, len(trained) :].argmax(axis=1) + len(trained)
    truth = [np.array([wide.classes.index(d.classes[i]) for i in d.labels]) for d in (seen, unseen)]
    return {
        "draw": draw,
        "seen_of_15": float((fifteen[0].argmax(axis=1) == truth[0]).mean()),
        "unseen_of_5": float((five == truth[1]).mean()),
        "seen_of_20": float((twenty[0].argmax(axis=1) == truth[0]).mean()),
        "unseen_of_20": float((twenty[1].argmax(axis=1) == truth[1]).mean()),
        "seen_of_20_loki": float((mean[0].argmax(axis=1) == truth[0]).mean()),
        "unseen_of_20_loki": float((mean[1].argmax(axis=1) == truth[1]).mean()),
        "seen_rejected": rejected[0],
        "unseen_rejected": rejected[1],
    }


def _loki(wide: Classifier) -> Classifier:
    context = registry.make_context(wide.recipe, Task(wide.classes, wide.counts), labels=wide.labels)
    found: Classifier = registry.build("posthoc", Part("loki"), context)((wide,), Dataset((), wide.classes))
    return found


def _shares(one: Classifier, *parts: Dataset) -> list[Float[np.ndarray, "n k"]]:
    """Class probabilities of images, whatever their own data set calls their classes."""
    return [one.probabilities(part.without_labels()) for part in parts]
