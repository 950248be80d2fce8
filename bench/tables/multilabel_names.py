"""Fine and coarse names together as labels of an image: CIFAR-100, each image with its class and its group, 120 names.

Five training images of each fine class, ridge regression per name on the frozen features of the embedded network at 128
pixels. With one name known, three of the five images have the fine name and two the name of the group: the other names
are unknown entries, which are left out of the fit ("masked"), taken for absent, or filled in from the tree as far as it
knows them: a fine name says the group, and the name of a group which fine names are absent. Each way has its own
penalty, that of highest mean AP on draws 100 and 101, scored on further training images. Thresholds are cross-fitted in
three folds. The draws 0 to 4 are scored once.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from scipy.special import expit
from sklearn.linear_model import Ridge
from torch import Tensor

from bench.support.data import cifar100, few_test_images
from bench.support.options import Options
from bench.support.record import append
from bench.tables.group_answers import group_of_class
from handful.core.dataset import Dataset
from handful.evaluation.intervals import mean_interval
from handful.evaluation.multilabel_metrics import MULTILABEL_SCORES, Scored, class_average_precision
from handful.models.classifier import Classifier
from handful.models.platt_scaling import fit_platt
from handful.parts.heads._feature_transform import FeatureTransform
from handful.parts.heads._multilabel import stratified_folds
from handful.parts.posthoc.thresholds import choose_thresholds
from handful.recipes.load import load_recipe
from handful.training.train import train

TABLE = "multilabel-names"
PER_CLASS, FINE_KNOWN, POOL, TEST, FOLDS, SEED = 5, 3, 100, 10, 3, 0
TUNING_DRAWS, TUNING_IMAGES = (100, 101), 5  # images of each class that are scored, of the training part
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)
TRANSFORM = FeatureTransform(tukey=0.5)  # the recipe ridge's

Features = Float32[np.ndarray, "n c"]
Targets = Float32[np.ndarray, "n k"]
Hide = Callable[[Targets, np.random.Generator], Targets]


def run(options: Options) -> None:
    """Tune each way's penalty, then score it."""
    data = few_test_images(cifar100(options.folder()), 2 if options.quick else TEST)
    names, group = coarse_names(data.classes)
    recipe = load_recipe("ridge", overrides=("image_size=[128,128]", "head.penalty=1.0"))
    network = train(recipe, data.select(range(0, len(data), len(data) // 200)), device="cpu", progress=False)
    pool, test = data.split("train"), data.split("test")
    tuning = TUNING_DRAWS[: 1 if options.quick else None]
    draws = tuning if options.quick else tuple(range(options.draws))
    rows = {draw: drawn(pool.labels, draw) for draw in {*tuning, *draws}}
    used = np.unique(np.concatenate([np.concatenate(row) for row in rows.values()]))
    kept = Kept(used, _features(network, pool.select(used)), pool.labels, group)
    x_test, truth = _features(network, test), targets_of(test.labels, group)
    scores: dict[str, list[dict[str, float]]] = {}
    for name, hide in ways(group).items():
        penalty = _tuned(kept, [rows[draw] for draw in tuning], hide, tuning)
        scores[name] = []
        for draw in draws:
            x, known = kept.training(rows[draw][0], hide, draw)
            scores[name].append(_scores(x, known, x_test, truth, penalty, draw))
        line = {"setting": name, "penalty": penalty, "draws": list(draws), "names": len(names), "images": len(x)}
        each = {metric: [score[metric] for score in scores[name]] for metric in scores[name][0]}
        means = {f"mean_{metric}": float(np.mean(values)) for metric, values in each.items()}
        append(TABLE, line | each | means | {"worst_mean_ap": min(each["mean_ap"])}, quick=options.quick)
        print(f"{name}, penalty {penalty}: " + ", ".join(f"{m} {100 * v:.1f}" for m, v in means.items()), flush=True)
    for first, second in (("masked", "absent"), ("from the tree", "masked")):
        for metric in ("mean_ap", "macro_f1"):
            _compare(f"{first} against {second}", metric, scores, first, second, quick=options.quick)


class Kept:
    """Features of the training images that any draw takes."""

    def __init__(self, used: Int[np.ndarray, " u"], x: Features, labels: Int[np.ndarray, " n"], group: list[int]):
        self.place = {int(row): i for i, row in enumerate(used)}
        self.x, self.labels, self.group = x, labels, group

    def images(self, rows: Int[np.ndarray, " m"]) -> tuple[Features, Targets]:
        """Features and all names of some images."""
        return self.x[[self.place[int(row)] for row in rows]], targets_of(self.labels[rows], self.group)

    def training(self, rows: Int[np.ndarray, " m"], hide: Hide, draw: int) -> tuple[Features, Targets]:
        """Features of some images, and what of their names is known."""
        x, targets = self.images(rows)
        return x, hide(targets, np.random.default_rng([SEED, draw]))


def coarse_names(classes: tuple[str, ...]) -> tuple[tuple[str, ...], list[int]]:
    """All names, the groups' after the classes', and each class's group as a position among the groups."""
    tree = group_of_class()
    groups = tuple(dict.fromkeys(tree.values()))
    return (*classes, *groups), [groups.index(tree[name]) for name in classes]


def targets_of(labels: Int[np.ndarray, " n"], group: list[int]) -> Targets:
    """Each image shows its class and its group."""
    fine = np.eye(len(group), dtype=np.float32)[labels]
    coarse = np.eye(max(group) + 1, dtype=np.float32)[np.array(group)[labels]]
    return np.concatenate([fine, coarse], axis=1)


def drawn(labels: Int[np.ndarray, " n"], draw: int) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " s"]]:
    """Training images, five of each class, and others that a development draw is scored on."""
    rng = np.random.default_rng([SEED, draw])
    rows = np.stack([rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)])
    scored = TUNING_IMAGES if draw in TUNING_DRAWS else 0
    return rows[:, :PER_CLASS].ravel(), rows[:, PER_CLASS : PER_CLASS + scored].ravel()


def ways(group: list[int]) -> dict[str, Hide]:
    """What is known of the names, and what becomes of unknown entries."""
    return {
        "both known": lambda targets, _: targets,
        "masked": partial(one_name, group=group),
        "absent": lambda targets, rng: np.nan_to_num(one_name(targets, rng, group=group), nan=0.0),
        "from the tree": lambda targets, rng: from_tree(one_name(targets, rng, group=group), group),
    }


def one_name(targets: Targets, rng: np.random.Generator, *, group: list[int]) -> Targets:
    """Of three images of each fine class the fine names are known, of the others the coarse ones."""
    known, k = targets.copy(), len(group)
    for c in range(k):
        rows = rng.permutation(np.flatnonzero(targets[:, c] == 1))
        known[rows[:FINE_KNOWN], k:] = np.nan
        known[rows[FINE_KNOWN:], :k] = np.nan
    return known


def from_tree(known: Targets, group: list[int]) -> Targets:
    """A fine name says all coarse ones; a coarse name says that the fine ones of other groups are absent."""
    filled, k = known.copy(), len(group)
    for row in filled:
        if np.isnan(row[k:]).any():
            row[k:] = np.arange(max(group) + 1) == group[int(row[:k].argmax())]
        elif np.isnan(row[:k]).any():
            row[:k][np.array(group) != int(row[k:].argmax())] = 0
    return filled


def _features(network: Classifier, data: Dataset) -> Features:
    return np.asarray(torch.cat([output.features.float() for output in network.outputs(data)]).numpy())


def _tuned(kept: Kept, rows: list[tuple[np.ndarray, np.ndarray]], hide: Hide, draws: tuple[int, ...]) -> float:
    """The penalty of highest mean AP on the development draws."""
    values = np.zeros(len(PENALTIES))
    for (chosen, scored), draw in zip(rows, draws, strict=True):
        x, known = kept.training(chosen, hide, draw)
        x_new, truth = kept.images(scored)
        for i, penalty in enumerate(PENALTIES):
            values[i] += _mean_ap(_fitted(x, known, penalty, x_new), truth) / len(draws)
    print("  " + ", ".join(f"{p}: {100 * v:.1f}" for p, v in zip(PENALTIES, values, strict=True)), flush=True)
    return PENALTIES[int(values.argmax())]


def _fitted(x: Features, known: Targets, penalty: float, x_new: Features) -> Float[np.ndarray, "m k"]:
    """Scores of new images by ridge regression as the head `ridge` has it; names known of the same images at once."""
    raw, new = torch.from_numpy(x), torch.from_numpy(x_new)
    mean: Tensor = TRANSFORM.raised(raw).mean(dim=0)
    x, x_new = TRANSFORM(raw, mean).numpy(), TRANSFORM(new, mean).numpy()
    scores = np.zeros((len(x_new), known.shape[1]))
    masks, which = np.unique(~np.isnan(known), axis=1, return_inverse=True)
    for i, rows in enumerate(masks.T):
        names = np.flatnonzero(which.ravel() == i)
        model = Ridge(alpha=penalty).fit(x[rows], 2 * known[np.ix_(rows, names)] - 1)
        scores[:, names] = model.predict(x_new)
    return scores


def _scores(
    x: Features, known: Targets, x_test: Features, truth: Targets, penalty: float, draw: int
) -> dict[str, float]:
    """Mean AP of all names, of the fine and of the coarse ones, and macro F1 at cross-fitted thresholds."""
    fold = stratified_folds(known, FOLDS, draw)
    held_out = np.zeros(known.shape)
    for f in range(FOLDS):
        held_out[fold == f] = _fitted(x[fold != f], known[fold != f], penalty, x[fold == f])
    entries = ~np.isnan(known)
    temperature, offset, _ = fit_platt(held_out[entries], known[entries] == 1, start=0.09)
    thresholds = choose_thresholds(expit(held_out / temperature + offset), known)
    scores = _fitted(x, known, penalty, x_test)
    probabilities = expit(scores / temperature + offset)
    scored = Scored(tuple(map(str, range(len(truth)))), truth, probabilities, probabilities >= thresholds)
    at_half = Scored(scored.ids, truth, probabilities, probabilities >= 0.5)
    each, k = class_average_precision(scored)[0], len(group_of_class())
    return {
        "mean_ap": float(each.mean()),
        "fine_ap": float(each[:k].mean()),
        "coarse_ap": float(each[k:].mean()),
        "macro_f1": MULTILABEL_SCORES["macro_f1"](scored),
        "macro_f1_at_half": MULTILABEL_SCORES["macro_f1"](at_half),
    }


def _mean_ap(scores: Float[np.ndarray, "m k"], truth: Targets) -> float:
    return MULTILABEL_SCORES["mean_average_precision"](Scored((), truth, scores, scores > 0))


def _compare(
    name: str, metric: str, scores: dict[str, list[dict[str, float]]], first: str, second: str, *, quick: bool
) -> None:
    values = np.array([[score[metric] for score in scores[way]] for way in (first, second)])
    differences = values[0] - values[1]
    low, high, _ = mean_interval(differences, PER_CLASS / (POOL - PER_CLASS))  # draws from one pool share images
    line = {"comparison": name, "metric": metric, "differences": differences.tolist()}
    append(TABLE, line | {"mean": float(differences.mean()), "low": low, "high": high}, quick=quick)
    print(f"{name}, {metric}: {100 * differences.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})", flush=True)
