"""Losses for several labels per image, each on the same frozen features: asymmetric loss against binary cross-entropy.

Mosaics, draws and what is known of them are those of the table `multilabel`. A linear layer on the features of the
embedded network at 128 pixels is trained by gradient (AdamW, all images in a batch). Each loss has its own weight
decay, that of highest mean AP in two folds of the training images. The asymmetric loss is the paper's, exponents 0, 4
and a margin of 0.05; unknown entries have no loss. Soft Teacher weighs them by the average of the layer's weights
(decay 0.98). The multi-focal loss (COMIC) corrects entries that are listed as absent, or unknown ones. "Only present"
knows 30 % of the present entries and nothing else: cross-entropy, to which nothing is absent there, takes unknown ones
weakly for absent. Nothing was chosen on the draws 0 to 4.
"""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from bench.support.data import cifar10
from bench.support.mosaics import KNOWN, Hide, mosaics, some_known
from bench.support.options import Options
from bench.support.record import append
from bench.tables.multilabel import POOL, SEED, TEST
from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.core.tensors import Batch, Output
from handful.data.stratification import iterative_stratification
from handful.evaluation.intervals import mean_interval
from handful.evaluation.multilabel_metrics import average_precision
from handful.parts import registry
from handful.recipes.load import load_recipe
from handful.training.train import train

TABLE = "multilabel-losses"
IMAGES, STEPS, FOLDS = 200, 200, 2
RATE = 0.003
DECAYS = (1e-4, 1e-3, 1e-2)  # by which share the weights shrink in a step
AVERAGE = 0.98
RARE = 3  # classes, the last of the tail
LOSSES = {
    "cross-entropy": Part("cross_entropy"),
    "asymmetric": Part("asymmetric"),
    "weak": Part("cross_entropy", {"unknown": "weak"}),
    "positive-unlabelled": Part("positive_unlabelled"),
    "soft teacher": Part("soft_teacher"),
    "multi-focal": Part("multi_focal"),
    "multi-focal, unknown corrected": Part("multi_focal", {"correct": "unknown"}),
}
LISTED = "40 % of positives missing"
ONLY_PRESENT = "only present"
Features = Float32[np.ndarray, "n c"]
Targets = Float32[np.ndarray, "n k"]


def run(options: Options) -> None:
    """Each way of knowing the labels, with everything known first."""
    data = cifar10(options.folder())
    pool, test = mosaics(data, "train", POOL, SEED), mosaics(data, "test", TEST, SEED)
    plan = load_recipe("logistic", overrides=("image_size=[128,128]", "head.C=1.0"))
    network = train(plan, pool.select(range(60)), device="cpu", progress=False)
    x, x_test = (_features(network.outputs(part)) for part in (pool, test))
    draws = range(100, 101) if options.quick else range(options.draws)
    settings: dict[str, Hide] = {"all known": lambda targets, _: targets, **KNOWN, ONLY_PRESENT: _only_present}
    for name, hide in settings.items():
        losses = {loss: part for loss, part in LOSSES.items() if name in tried(loss)}
        scores: dict[str, list[tuple[float, float]]] = {loss: [] for loss in losses}
        for draw in draws:
            chosen = _drawn(pool, draw)
            known = hide(pool.targets()[chosen], np.random.default_rng([SEED, draw, IMAGES]))
            for loss, part in losses.items():
                scores[loss].append(_score(x[chosen], known, x_test, test.targets(), part, draw))
        for loss, values in scores.items():
            line = {"setting": name, "loss": loss, "images": IMAGES, "draws": list(draws)}
            mean, rare = (list(column) for column in zip(*values, strict=True))
            append(TABLE, line | {"mean_ap": mean, "rare_ap": rare}, quick=options.quick)
        _compare(name, scores, quick=options.quick)


def tried(loss: str) -> tuple[str, ...]:
    """Settings that a loss is for."""
    unknown = tuple(name for name in KNOWN if name != LISTED)
    if loss == "multi-focal, unknown corrected":
        return unknown
    if loss in ("cross-entropy", "asymmetric", "multi-focal"):
        return ("all known", *KNOWN)
    return (*unknown, ONLY_PRESENT)


def _only_present(targets: Targets, rng: np.random.Generator) -> Targets:
    """30 % of the present entries of each class, two at least; everything else is unknown."""
    known = some_known(targets, rng)
    for c in np.flatnonzero((known == 1).sum(axis=0) < 2):
        known[rng.permutation(np.flatnonzero(targets[:, c] == 1))[:2], c] = 1
    return np.where(known == 1, known, np.float32(np.nan))


def _features(outputs: Iterable[Output]) -> Features:
    rows = torch.cat([output.features.float() for output in outputs]).numpy()
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True) * np.sqrt(rows.shape[1]), dtype=np.float32)


def _drawn(pool: Dataset, draw: int) -> np.ndarray:
    """As the table `multilabel` draws."""
    rng = np.random.default_rng([SEED, draw])
    while True:
        chosen = rng.permutation(len(pool))[:IMAGES]
        part = pool.select(chosen)
        if part.counts.min() >= 2 and part.absents.min() >= 8:
            return np.asarray(chosen)


def _score(x: Features, known: Targets, x_test: Features, truth: Targets, part: Part, draw: int) -> tuple[float, float]:
    """Mean AP on the test mosaics, of all classes and of the rarest, at the weight decay best in cross-validation."""
    fold = iterative_stratification(known, [str(i) for i in range(len(x))], [1 / FOLDS] * FOLDS, draw)
    scored = known if (known == 0).any() else np.nan_to_num(known)
    held_out = [
        np.mean([_fold_score(x, known, scored, fold == f, part, decay) for f in range(FOLDS)]) for decay in DECAYS
    ]
    best = DECAYS[int(np.argmax(held_out))]
    scores = _fitted(x, known, part, best, x_test)
    return mean_ap(scores, truth), mean_ap(scores[:, -RARE:], truth[:, -RARE:])


def _fold_score(x: Features, known: Targets, scored: Targets, out: np.ndarray, part: Part, decay: float) -> float:
    """Mean AP of a fold; where no entry is known to be absent, unknown ones count as absent in it."""
    return mean_ap(_fitted(x[~out], known[~out], part, decay, x[out]), scored[out])


def _fitted(x: Features, known: Targets, part: Part, decay: float, x_new: Features) -> np.ndarray:
    """Scores of new images by a linear layer that is trained with a loss."""
    k = known.shape[1]
    present, absent = (known == 1).sum(axis=0), (known == 0).sum(axis=0)
    absent = absent if absent.any() else len(known) - present
    task = Task(tuple(str(c) for c in range(k)), present, "multilabel")
    context = registry.make_context(load_recipe("fine-tuned"), task, seed=0, fit=None, load=None, named=None)
    loss = registry.build("losses", part, context)
    layer = nn.Linear(x.shape[1], k)
    nn.init.zeros_(layer.weight)
    layer.bias.data = torch.from_numpy(np.log((present + 0.5) / (absent + 0.5))).float()
    optimizer = torch.optim.AdamW(layer.parameters(), lr=RATE, weight_decay=decay / RATE)
    features, mask = torch.from_numpy(x), torch.from_numpy(~np.isnan(known))
    targets = torch.from_numpy(np.nan_to_num(known))
    labels = torch.zeros(len(x), dtype=torch.int64)
    batch = Batch(features[:, :, None, None], labels, targets, torch.zeros(0), known=mask)
    average = deepcopy(layer).requires_grad_(False)
    for step in range(STEPS):
        logits: Tensor = layer(features)
        teacher = average(features)
        optimizer.zero_grad()
        given = replace(batch, teacher_output=Output(features, teacher, features, None), progress=step / STEPS)
        loss(Output(features, logits, features, None), given).mean().backward()
        optimizer.step()
        for old, new in zip(average.parameters(), layer.parameters(), strict=True):
            old.lerp_(new.detach(), 1 - AVERAGE)
    with torch.no_grad():
        return np.asarray(layer(torch.from_numpy(x_new)).numpy())


def mean_ap(scores: np.ndarray, targets: Targets) -> float:
    values = []
    for column, truth in zip(scores.T, targets.T, strict=True):
        known = ~np.isnan(truth)
        if (truth[known] == 1).any():
            values.append(float(average_precision(truth[known], column[known], np.ones((1, int(known.sum()))))[0]))
    return float(np.mean(values))


def _compare(name: str, scores: dict[str, list[tuple[float, float]]], *, quick: bool) -> None:
    first = "cross-entropy" if "cross-entropy" in scores else "weak"
    control = np.array(scores[first])
    for loss in [each for each in scores if each != first]:
        for i, part in enumerate(("", ", rarest third")):
            values = np.array(scores[loss])[:, i]
            differences = values - control[:, i]
            low, high, _ = mean_interval(differences, IMAGES / (POOL - IMAGES))
            line = {"comparison": f"{name}, {loss}{part}", "images": IMAGES, "differences": differences.tolist()}
            append(TABLE, line | {"mean": float(differences.mean()), "low": low, "high": high}, quick=quick)
            print(f"{name}{part}: {first} {100 * control[:, i].mean():.1f}, {loss} {100 * values.mean():.1f}, ", end="")
            print(f"{100 * differences.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})", flush=True)
