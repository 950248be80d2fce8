"""Confident predictions for images of no known class, before and after rejection.

Six classes of CIFAR-10 are learnt from ten images each, the other four are held out. Beside these: other data sets,
noise, gradient ascent, and evolution of pixels and of patterns. "Sure" is a probability of 90 % or more. A false
rejection of 5 % is asked for; what was rejected of the test images of the six classes is measured too. The fooling
images are made for each draw's network, which they know, without knowing of the rejection.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bench.support.data import cells, mnist
from bench.support.fooling import as_dataset, evolved, gradient_ascent, noise
from bench.support.options import Options
from bench.support.record import append
from bench.support.trust import calibrated, cifar10_small
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.data import splits
from handful.data.class_names import with_classes
from handful.evaluation.intervals import mean_interval
from handful.models.classifier import Classifier
from handful.parts.posthoc.out_of_distribution import Score
from handful.reports.text_tables import format_interval, percent
from handful.training.train import train

NAMES = ("logistic-lite0", "nearest-centroid-lite0")
SCORES: tuple[Score, ...] = ("mahalanobis", "nearest_neighbour", "energy")
LEARNT, SURE, RATE, PER_CLASS, MOST = 6, 0.9, 0.05, 10, 100
EACH, STEPS, GENERATIONS = 2, 40, 150  # fooling images of each class, steps of the gradient, generations
Shares = dict[str, dict[str, float]]


def run(options: Options) -> None:
    """Every recipe and score on the same draws and the same strangers; fooling images for each network."""
    whole = cifar10_small(options.folder())
    known = with_classes(_of(whole, range(LEARNT)), list(whole.classes[:LEARNT]))
    held = _few(_of(whole.split("test"), range(LEARNT, len(whole.classes))))
    strangers = {
        "held-out classes": held,
        "MNIST": _few(mnist(options.folder()).split("test")),
        "white blood cells": _few(cells(options.folder())),
    }
    draws = range(1 if options.quick else options.draws)
    for name in NAMES[: 1 if options.quick else None]:
        found = [_draw(name, known, strangers, draw, options) for draw in draws]
        _tell(name, found, options)


def _draw(name: str, known: Dataset, strangers: Mapping[str, Dataset], draw: int, options: Options) -> Shares:
    """Shares accepted with confidence: by kind of image, then without rejection and by each score."""
    part = splits.draw(known, PER_CLASS, draw)[0]
    models = {"none": train(calibrated(name, called=name), part, seed=draw, progress=False)}
    for score in SCORES:
        reject = Part("out_of_distribution", {"score": score, "false_rejection": RATE})
        models[score] = train(calibrated(name, reject, called=name), part, seed=draw, progress=False)
    shown = {"test images": known.split("test"), **strangers, **_fooling(models["none"], draw, quick=options.quick)}
    return {
        kind: {m: _sure(model, data) for m, model in models.items()} | _rejected(models, data, kind)
        for kind, data in shown.items()
    }


def _fooling(classifier: Classifier, draw: int, *, quick: bool) -> dict[str, Dataset]:
    rng = np.random.default_rng(draw)
    wanted = np.tile(np.arange(LEARNT), 1 if quick else EACH)
    network: Any = classifier.network
    network.cache = None  # images that are seen once fill the disk
    made = {
        "noise": noise((MOST, *classifier.size), rng),
        "gradient ascent": gradient_ascent(classifier, wanted, rng, steps=3 if quick else STEPS),
        "evolved pixels": evolved(classifier, wanted, rng, generations=3 if quick else GENERATIONS, patterns=False),
        "evolved patterns": evolved(classifier, wanted, rng, generations=3 if quick else GENERATIONS, patterns=True),
    }
    return {kind: as_dataset(images, classifier.classes) for kind, images in made.items()}


def _sure(model: Classifier, data: Dataset) -> float:
    judged = model.predict_all(data.without_labels())
    return float(((judged.probabilities.max(axis=1) >= SURE) & (judged.answers < len(model.classes))).mean())


def _rejected(models: Mapping[str, Classifier], data: Dataset, kind: str) -> dict[str, float]:
    if kind != "test images":
        return {}
    named = {name: model for name, model in models.items() if name != "none"}
    return {f"{name} rejects": float(model.rejected(data.without_labels()).mean()) for name, model in named.items()}


def _tell(name: str, found: list[Shares], options: Options) -> None:
    print(f"\n{name}: percent named with a probability of {SURE:g} or more, {len(found)} draws")
    for kind in found[0]:
        cells_ = []
        for column in found[0][kind]:
            values = np.array([shares[kind][column] for shares in found])
            low, high, _ = mean_interval(values)
            mean, worst = float(values.mean()), float(values.max())
            shown = format_interval(*np.clip((low, high), 0, 1))
            cells_.append(f"{column} {percent(mean)} ({shown}, worst {percent(worst)})")
            line = {
                "recipe": name,
                "images": kind,
                "rejection": column,
                "draws": len(values),
                "mean": mean,
                "low": low,
                "high": high,
                "worst": worst,
            }
            append("trust-fooling", line, quick=options.quick)
        print(f"  {kind:<18}" + "; ".join(cells_))


def _of(data: Dataset, labels: range) -> Dataset:
    return replace(data, samples=tuple(s for s in data.samples if s.label in labels))


def _few(data: Dataset) -> Dataset:
    """At most so many images, evenly spaced in the order of their ids."""
    order = sorted(range(len(data)), key=lambda i: data.samples[i].id)
    return data.select([order[int(i)] for i in np.linspace(0, len(order) - 1, min(MOST, len(order)))])
