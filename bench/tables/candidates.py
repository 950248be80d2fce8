"""Labels that name a group of classes, as candidates: CIFAR-100's twenty groups, on the same frozen features.

In each draw five images of each class have their class as label. Fifty more of each group, ten of each of its classes,
are labelled with the group alone. Learned are the labelled images alone (the others ignored), these and the others
with the group's five classes as candidates, and all images with their class (the ceiling). A control writes "one of
five" as class probabilities of a fifth each (the linear layer alone). Logistic and ridge regression, and a linear
layer trained by gradient whose loss is `cross_entropy`, on the features of the embedded network at 160 pixels. Scored
are the classes of the 5,000 test images, and their groups: the group with the largest sum of probabilities. Nothing
was chosen on the draws 0 to 4.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from bench.support.data import cifar100
from bench.support.options import Options
from bench.support.record import append
from bench.tables.group_answers import group_of_class
from handful.core.context import Context
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Part
from handful.core.tensors import Backbone, Batch, Output
from handful.data.splits import draw as drawn
from handful.data.splits import random_key, scored_split
from handful.evaluation.intervals import mean_interval
from handful.parts import registry
from handful.recipes.load import load_recipe
from handful.training.image_features import features
from handful.training.setup import make_task

TABLE = "candidates"
FINE, COARSE = 5, 10  # images of each class whose label is the class, and the group
OVERLAP = (FINE + COARSE) / (100 - FINE - COARSE)  # draws from one pool share images
LOGISTIC, RIDGE, LAYER = "logistic regression", "ridge regression", "linear layer by gradient"
REGRESSIONS = {LOGISTIC: "logistic", RIDGE: "ridge"}  # the recipe of each
STEPS, RATE = 300, 0.003
DECAYS = (1e-3, 1e-2, 3e-2)  # by which share the weights shrink in a step
Features = Mapping[str, Float32[np.ndarray, " c"]]
Scores = dict[tuple[str, str], list[tuple[float, float]]]
Way = Callable[[Sample, Bool[np.ndarray, " k"]], Sample]


def run(options: Options) -> None:
    """Each way of learning the images whose label is a group, by both methods."""
    data, groups = cifar100(options.folder()), group_of_class()
    names = list(dict.fromkeys(groups.values()))
    member = np.array([[groups[c] == group for group in names] for c in data.classes])
    draws = range(100, 101) if options.quick else range(options.draws)
    test = scored_split(data, "test")
    by_id = _features(data)
    decays = {way: _chosen(by_id, data, member, way) for way in WAYS}
    scores: Scores = {}
    for number in draws:
        fine, coarse = split(data, number)
        for way in WAYS:
            part = learned(fine, coarse, member, way)
            x, x_test = _matrix(by_id, part), _matrix(by_id, test)
            predicted = {LAYER: _by_gradient(x, part, x_test, decays[way])}
            if way != PROBABILITIES:  # which takes minutes: a row of the regression for each class of each image
                for name, recipe in REGRESSIONS.items():
                    predicted[name] = _by_regression(x, part, x_test, number, recipe)
            for method, p in predicted.items():
                scores.setdefault((method, way), []).append(accuracies(p, test.labels, member))
                print(number, way, method, *scores[method, way][-1])
    record(scores, decays, list(draws), quick=options.quick)


def record(scores: Scores, decays: Mapping[str, float], draws: list[int], *, quick: bool) -> None:
    """A line for each method and way, with the mean and the worst of the draws; then the differences."""
    for (method, way), values in scores.items():
        line = {"method": method, "learned": way, "draws": draws, **({"decay": decays[way]} if method == LAYER else {})}
        for name, found in zip(("fine", "coarse"), zip(*values, strict=True), strict=True):
            line |= {name: list(found), f"{name}_mean": float(np.mean(found)), f"{name}_worst": min(found)}
        append(TABLE, line, quick=quick)
    if len(draws) > 1:
        _compare(scores, draws, quick=quick)


def split(data: Dataset, number: int) -> tuple[Dataset, Dataset]:
    """The images of a draw whose label is their class, and those whose label is the group: ten more of each class."""
    fine, rest = drawn(data, FINE, number)
    taken: dict[int | None, int] = {}
    coarse = []
    for sample in sorted(rest.samples, key=lambda s: random_key(number, s.id)):
        if taken.setdefault(sample.label, 0) < COARSE:
            taken[sample.label] += 1
            coarse.append(sample)
    return fine, replace(rest, samples=tuple(coarse))


def learned(fine: Dataset, coarse: Dataset, member: Bool[np.ndarray, "k g"], way: str) -> Dataset:
    """What is trained on: the labelled images, and the others in one of the `WAYS`."""
    among = member @ member.T  # the classes of each class's group
    more = () if way == IGNORED else (WAYS[way](s, among[s.label]) for s in coarse.samples)
    return replace(fine, samples=(*fine.samples, *more))


def _as_candidates(sample: Sample, among: Bool[np.ndarray, " k"]) -> Sample:
    return replace(sample, label=None, candidates=among)


def _as_probabilities(sample: Sample, among: Bool[np.ndarray, " k"]) -> Sample:
    """A fifth of each class of the group; the label, which draws and scores need, is the first of them."""
    return replace(sample, label=int(among.argmax()), probabilities=(among / among.sum()).astype(np.float32))


IGNORED, CANDIDATES, PROBABILITIES, ALL = "ignored", "candidates", "a fifth of each", "their class"
WAYS: Mapping[str, Way] = {
    IGNORED: _as_candidates,
    CANDIDATES: _as_candidates,
    PROBABILITIES: _as_probabilities,
    ALL: lambda sample, _: sample,
}


def accuracies(
    p: Float32[np.ndarray, "n k"], labels: np.ndarray, member: Bool[np.ndarray, "k g"]
) -> tuple[float, float]:
    """Share of images whose class is right, and share of those whose group is: that of the largest sum."""
    groups = member[labels].argmax(axis=1)
    return float((p.argmax(axis=1) == labels).mean()), float(((p @ member).argmax(axis=1) == groups).mean())


def _features(data: Dataset) -> dict[str, Float32[np.ndarray, " c"]]:
    """The features of each image by its id; they are kept on disk."""
    rows = np.concatenate(list(features(s.image for s in data.samples if not isinstance(s.image, Path))))
    return dict(zip(data.ids, rows.astype(np.float32), strict=True))


def _matrix(by_id: Features, data: Dataset) -> Float32[np.ndarray, "n c"]:
    return np.stack([by_id[name] for name in data.ids])


def _by_regression(
    x: Float32[np.ndarray, "n c"], part: Dataset, x_new: Float32[np.ndarray, "m c"], seed: int, recipe: str
) -> Float32[np.ndarray, "m k"]:
    """Probabilities of new images by the head of a recipe, with its choice of strength."""
    backbone = Backbone(nn.Identity(), x.shape[1], 1)
    head: Any = registry.build("heads", load_recipe(recipe).head, _context(part), backbone=backbone)
    labels, targets = torch.from_numpy(part.labels), torch.from_numpy(part.probabilities())
    views = torch.from_numpy(x)[:, None]
    if part.has_candidates:
        among = torch.from_numpy(part.candidates()).float()
        head.fit_candidates(views, labels, targets=targets, candidates=among, seed=seed)
    else:
        head.fit(views, labels, seed=seed, **({"targets": targets} if part.has_probabilities else {}))
    return np.asarray(head.output(torch.from_numpy(x_new)).logits.softmax(dim=1).numpy(), dtype=np.float32)


def _context(part: Dataset) -> Context:
    return registry.make_context(load_recipe("logistic"), make_task(part))


def _by_gradient(
    x: Float32[np.ndarray, "n c"], part: Dataset, x_new: Float32[np.ndarray, "m c"], decay: float
) -> Float32[np.ndarray, "m k"]:
    """Probabilities of new images by a linear layer, trained with AdamW on all images at once.

    As for the head, features are square roots of length 1; they are scaled to a mean square of 1.
    """
    x, x_new = (_scaled(rows) for rows in (x, x_new))
    loss = registry.build("losses", Part("cross_entropy"), _context(part))
    layer = nn.Linear(x.shape[1], len(part.classes))
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=RATE, weight_decay=decay / RATE)
    inputs = torch.from_numpy(x)
    labels, targets = torch.from_numpy(part.labels), torch.from_numpy(part.probabilities())
    candidates = torch.from_numpy(part.candidates()) if part.has_candidates else None
    batch = Batch(inputs[:, :, None, None], labels, targets, torch.zeros(0), candidates=candidates)
    for _ in range(STEPS):
        optimizer.zero_grad()
        logits: Tensor = layer(inputs)
        loss(Output(logits, logits, inputs), batch).mean().backward()
        optimizer.step()
    with torch.no_grad():
        return np.asarray(layer(torch.from_numpy(x_new)).softmax(dim=1).numpy(), dtype=np.float32)


def _scaled(rows: Float32[np.ndarray, "n c"]) -> Float32[np.ndarray, "n c"]:
    roots = np.sqrt(np.maximum(rows, 0))
    return np.asarray(roots / np.linalg.norm(roots, axis=1, keepdims=True) * np.sqrt(roots.shape[1]), np.float32)


def _chosen(by_id: Features, data: Dataset, member: Bool[np.ndarray, "k g"], way: str) -> float:
    """The weight decay of the linear layer that is best on draw 100, scored on 2,000 unused training images."""
    fine, coarse = split(data, 100)
    used = {*fine.ids, *coarse.ids}
    rest = [s for s in data.split("train").samples if s.id not in used]
    held_out = replace(data, samples=tuple(sorted(rest, key=lambda s: random_key(100, s.id))[:2000]))
    part = learned(fine, coarse, member, way)
    x, x_new = _matrix(by_id, part), _matrix(by_id, held_out)
    return max(DECAYS, key=lambda d: accuracies(_by_gradient(x, part, x_new, d), held_out.labels, member)[0])


def _compare(scores: Scores, draws: list[int], *, quick: bool) -> None:
    """What candidates give beyond the images being ignored, over the draws, with intervals for new training images."""
    for method in (*REGRESSIONS, LAYER):
        for other in (IGNORED, PROBABILITIES) if method == LAYER else (IGNORED,):
            gains = np.subtract(scores[method, CANDIDATES], scores[method, other])
            line: dict[str, Any] = {"method": method, "comparison": f"{CANDIDATES} against {other}", "draws": draws}
            for name, gain in zip(("fine", "coarse"), gains.T, strict=True):
                low, high, _ = mean_interval(gain, OVERLAP)
                line |= {name: gain.tolist(), f"{name}_mean": float(gain.mean())}
                line |= {f"{name}_low": low, f"{name}_high": high}
            append(TABLE, line, quick=quick)
