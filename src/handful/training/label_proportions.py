"""Learning from label proportions: labels for images of which only the class shares of their bags are known.

Three steps on frozen features. Ridge regression of the bags' shares gives each image a first score; messages between
neighbors and bags (`handful.training.count_messages`, after Havaldar et al. 2023, https://arxiv.org/abs/2310.08056)
give labels that have the bags' counts; and logistic regression on these labels, of which each bag's images are scored
by the others' model, takes the place of the first score, some times over. The paper learns a network's embedding
instead of the last step.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from numbers import Real

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from scipy.special import logit

from handful.core.dataset import Dataset, Image
from handful.core.groups import group_index
from handful.data.images import pixels
from handful.errors import DataError, TrainingError, by_interface, nearest
from handful.training.count_messages import nearest_edges, pass_messages

Shares = Mapping[str, Mapping[str, float]]

FOLDS = 5
ROUNDS = 200
TOLERANCE = 0.01  # of log-odds
CHECK_REFITS = 5
SURE = 1e-5  # the probability that is no further believed
REMEDY = "use smaller bags, more of them, or another backbone."


def labels_from_proportions(
    data: Dataset,
    proportions: Shares,
    *,
    features: Float[np.ndarray, "n c"] | None = None,
    backbone: str | None = None,
    device: str = "cpu",
) -> Dataset:
    """The images with a label each, such that each bag has its shares of the classes: a data set for any recipe.

    Args:
        data: training images that name their bag and have no label, as `load_data(..., bag="COLUMN")` reads them from a
            table without labels. Images with labels are for the score: keep them apart.
        proportions: of each bag the share of each class, such as `{"batch 7": {"scratched": 0.25, "whole": 0.75}}`;
            0 where a class is not named. The classes are those that are named.
        features: of each image, from a frozen network; None: they are computed.
        backbone: that computes them, as for `load_recipe`; None: the installed EfficientNet-Lite0.
        device: that computes them.

    Raises:
        DataError: images without a bag, with a label, or of another split; or shares that do not fit the bags.
        TrainingError: the labels are not determined: messages do not settle, or half of the bags do not
            predict the others.
        RecipeError, WeightsError: the backbone is not there.
    """
    _check_samples(data)
    bags, index = group_index([str(s.bag) for s in data.samples])
    classes, counts = class_counts(proportions, bags, np.bincount(index))
    x = _features(data, backbone, device) if features is None else np.asarray(features, dtype=np.float64)
    if x.ndim != 2 or len(x) != len(index) or not np.isfinite(x).all():
        finite = "" if np.isfinite(x).all() else ", some of them not finite"
        what = f"{len(index)} images, and features of shape {list(x.shape)}{finite}"
        raise DataError(what, where="features", remedy="give a row of numbers for each image.")
    labels = infer_labels(x, index, counts)
    samples = (replace(s, label=label, bag=None) for s, label in zip(data.samples, labels.tolist(), strict=True))
    return replace(data, samples=tuple(samples), classes=classes, kind="multiclass")


def _check_samples(data: Dataset) -> None:
    if not data.samples:
        raise DataError("no images found", where="data", remedy="give images that name their bag.")
    for sample in data.samples:
        if sample.labelled:
            what = "the image has a label, and labels are to be inferred"
            raise DataError(what, where=sample.id, remedy="give the images without labels, and keep the others apart.")
        if not sample.bag:
            raise DataError("the image is in no bag", where=sample.id, remedy="name the bag of each image.")
        if sample.split not in (None, "train"):
            what = f"the image is of the {sample.split} split, and an inferred label is none to score by"
            leave = by_interface(command="leave its row out", python='give data.split("train", None)')
            raise DataError(what, where=sample.id, remedy=f"give the training images: {leave}.")


def class_counts(
    proportions: Shares, bags: tuple[str, ...], sizes: Int[np.ndarray, " b"]
) -> tuple[tuple[str, ...], Int[np.ndarray, "b k"]]:
    """The sorted classes, and how many images of each class every bag has.

    Args:
        proportions: as for `labels_from_proportions`.
        bags: names of the bags.
        sizes: how many images each has.

    Raises:
        DataError: other bags; or shares that are negative, do not sum to 1, or are not those of a whole number of
            images.
    """
    for bag in bags:
        if bag not in proportions:
            raise DataError("the bag has no proportions", where=f"bag {bag!r}", remedy="give the share of each class.")
        _check_row(bag, proportions[bag])
    for bag in proportions:
        if bag not in bags:
            raise DataError("no image is in this bag", where=_named(bag), remedy=nearest(str(bag), bags))
    classes = tuple(sorted({name for bag in bags for name in proportions[bag]}))
    if len(classes) < 2:
        raise DataError(
            "a classifier needs two classes", where="proportions", remedy="name the share of another class."
        )
    shares = np.array([[proportions[bag].get(name, 0.0) for name in classes] for bag in bags], dtype=np.float64)
    exact = shares * sizes[:, None]
    counts = np.rint(exact).astype(np.int64) if np.isfinite(exact).all() else np.zeros(exact.shape, np.int64)
    for bag, row, whole, size in zip(bags, shares, counts, sizes, strict=True):
        _check_shares(bag, row, whole, int(size))
    return classes, counts


def _named(bag: str) -> str:
    """The shares of a bag, for errors."""
    return by_interface(command=f"the shares of bag {bag!r}", python=f"proportions[{bag!r}]")


def _check_row(bag: str, row: object) -> None:
    """Refuse what is not a number for each name of a class."""
    if not isinstance(row, Mapping) or not all(
        isinstance(name, str) and isinstance(share, Real) for name, share in row.items()
    ):
        what = f"{row!r} is not a share for each class"
        raise DataError(what, where=f"proportions[{bag!r}]", remedy='write {"scratched": 0.25, "whole": 0.75}.')


def _check_shares(bag: str, shares: Float[np.ndarray, " k"], counts: Int[np.ndarray, " k"], size: int) -> None:
    where, written = _named(bag), ", ".join(f"{share:g}" for share in shares)
    if not (shares >= 0).all():  # NaN too
        raise DataError(f"shares are from 0 to 1, not {written}", where=where, remedy="write 0.25 for 25 %.")
    if not np.isclose(shares.sum(), 1, atol=0.01):
        what = f"the shares {written} have the sum {shares.sum():g}, not 1"
        raise DataError(what, where=where, remedy="give the share of every class; write 0.25 for 25 %.")
    if counts.sum() != size or (np.abs(shares * size - counts) > 0.25).any():
        what = f"the shares {written} of {size} image{'s' if size > 1 else ''} are not whole numbers of images"
        raise DataError(
            what, where=where, remedy="give the shares of the images that are there, such as count / number of images."
        )


def infer_labels(
    features: Float[np.ndarray, "n c"],
    index: Int[np.ndarray, " n"],
    counts: Int[np.ndarray, "b k"],
    *,
    refits: int = 20,
) -> Int[np.ndarray, " n"]:
    """The label of each image.

    Args:
        features: of each image, from a frozen network.
        index: the number of each image's bag.
        counts: images of each class in each bag.
        refits: how often logistic regression takes the place of the first score, at most.

    Raises:
        DataError: fewer than four bags, or all have the same shares.
        TrainingError: messages do not settle, or half of the bags do not predict the others.
    """
    shares = counts / counts.sum(axis=1, keepdims=True)
    if len(counts) < 4 or bool(np.isclose(shares, shares[0]).all()):
        what = "fewer than four bags" if len(counts) < 4 else "all bags have the same shares"
        remedy = "give more bags, of other shares; smaller ones differ more."
        raise DataError(f"{what}: nothing tells the classes apart", where="proportions", remedy=remedy)
    x = _normalized(features)
    labels = _inferred(x, index, counts, refits)
    _check_halves(x, index, counts)
    return labels


def _inferred(
    x: Float[np.ndarray, "n c"], index: Int[np.ndarray, " n"], counts: Int[np.ndarray, "b k"], refits: int
) -> Int[np.ndarray, " n"]:
    """Labels by the three steps."""
    from sklearn.linear_model import Ridge

    shares = (counts / counts.sum(axis=1, keepdims=True))[index]
    score = Ridge(alpha=1.0).fit(x, shares).predict(x)
    score = (score - score.mean(axis=0)) / np.maximum(score.std(axis=0), 1e-12)
    log_odds, change = pass_messages(score, index, counts, nearest_edges(x, 10), rounds=ROUNDS, tolerance=TOLERANCE)
    if change > TOLERANCE:
        what = f"after {ROUNDS} rounds, log-odds change by {change:.2g}"
        raise TrainingError(
            f"messages between images and bags do not settle: {what}", where="proportions", remedy=REMEDY
        )
    labels = _assigned(log_odds, index, counts)
    for _ in range(refits):
        probabilities = _out_of_fold(x, labels, index, counts.shape[1])
        log_odds, _ = pass_messages(logit(np.clip(probabilities, SURE, 1 - SURE)), index, counts)
        before, labels = labels, _assigned(log_odds, index, counts)
        if np.array_equal(before, labels):
            break
    return labels


def _check_halves(x: Float[np.ndarray, "n c"], index: Int[np.ndarray, " n"], counts: Int[np.ndarray, "b k"]) -> None:
    """Refuse where the labels of each half of the bags predict the counts of the other no better than the mean does."""
    error = control = 0.0
    half = np.random.default_rng(0).permutation(len(counts)) % 2
    for side in (0, 1):
        bags, others = np.flatnonzero(half == side), np.flatnonzero(half != side)
        train, test = half[index] == side, half[index] != side
        labels = _inferred(x[train], np.searchsorted(bags, index[train]), counts[bags], CHECK_REFITS)
        predicted = np.zeros((len(others), counts.shape[1]))
        np.add.at(
            predicted, np.searchsorted(others, index[test]), _predicted(x[train], labels, x[test], counts.shape[1])
        )
        mean = counts[others].sum(axis=1, keepdims=True) * counts[bags].sum(axis=0) / counts[bags].sum()
        error += float(np.abs(predicted - counts[others]).sum())
        control += float(np.abs(mean - counts[others]).sum())
    if error >= control:
        n = 2 * len(index)  # each difference counts twice, in the class that has too many and where they are missing
        raise TrainingError(
            "the shares do not determine the labels: with those of half of the bags, predicted counts of the others "
            f"are wrong by {error / n:.1%} of the images, and those by the mean share by {control / n:.1%}",
            where="proportions",
            remedy=REMEDY,
        )


def _out_of_fold(
    x: Float[np.ndarray, "n c"], labels: Int[np.ndarray, " n"], index: Int[np.ndarray, " n"], classes: int
) -> Float[np.ndarray, "n k"]:
    """Class probabilities of each bag's images by logistic regression on those of other bags."""
    from sklearn.model_selection import GroupKFold

    probabilities = np.zeros((len(x), classes))
    for train, test in GroupKFold(min(FOLDS, int(index.max()) + 1)).split(x, groups=index):
        probabilities[test] = _predicted(x[train], labels[train], x[test], classes)
    return probabilities


def _predicted(
    x: Float[np.ndarray, "n c"], labels: Int[np.ndarray, " n"], others: Float[np.ndarray, "m c"], classes: int
) -> Float[np.ndarray, "m k"]:
    """Class probabilities of other images by logistic regression; 0 for a class that no label names."""
    from sklearn.linear_model import LogisticRegression

    probabilities = np.zeros((len(others), classes))
    present = np.unique(labels)
    if len(present) == 1:
        probabilities[:, present[0]] = 1
    else:
        probabilities[:, present] = LogisticRegression(C=3.0, max_iter=200).fit(x, labels).predict_proba(others)
    return probabilities


def _assigned(
    log_odds: Float[np.ndarray, "n k"], index: Int[np.ndarray, " n"], counts: Int[np.ndarray, "b k"]
) -> Int[np.ndarray, " n"]:
    """The labels of the largest sum of log-odds that have the counts of each bag."""
    labels = np.empty(len(index), dtype=np.int64)
    for bag, row in enumerate(counts):
        images, places = np.flatnonzero(index == bag), np.repeat(np.arange(len(row)), row)
        chosen, place = linear_sum_assignment(log_odds[images][:, places], maximize=True)
        labels[images[chosen]] = places[place]
    return labels


def _normalized(features: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c"]:
    """Square roots, centered, of length 1."""
    x = np.sign(features) * np.sqrt(np.abs(features))
    x -= x.mean(axis=0)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    result: Float[np.ndarray, "n c"] = (x / np.maximum(length, 1e-12)).astype(np.float32)  # faster than float64
    return result


def _features(data: Dataset, backbone: str | None, device: str) -> Float[np.ndarray, "n c"]:
    from handful.training.image_features import features  # imports torch

    def images() -> Iterator[Image]:
        for sample in data.samples:
            yield pixels(sample)

    return np.concatenate(list(features(images(), device=device, backbone=backbone)))
