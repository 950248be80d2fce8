"""Cross-conformal prediction: for each image the set of classes that it may be of, at a chosen coverage.

Vovk 2015, https://doi.org/10.1007/s10472-013-9368-4; Romano, Sesia and Candes 2020, https://arxiv.org/abs/2006.02544
(CV+, section 3). Each training image is scored by the network that was trained without its fold, and a new image by the
same network for the comparison; a class's p-value is the share of training images that fitted their own class as badly
or worse, the new one counted in. The set holds the classes with p above 1 - coverage. The score is minus the logarithm
of the class's probability, which orders as 1 - probability does: the smallest sets on average (Sadinle et al. 2019).

What is guaranteed, for images drawn as the training images were: split-conformal sets hold the right class in a share
of at least `coverage`. Cross-conformal ones need no images of their own, and their formal bound is weaker: with alpha =
1 - coverage, at least 1 - 2 alpha, less a term that falls with the number of images (Barber et al. 2021,
https://arxiv.org/abs/1905.02928, theorem 4). A set may be empty: no class is near enough. By class, a class's images
are compared with that class's alone, and the statement holds for each class, at the price of larger sets. Where classes
are drawn evenly and are not as even where the model is used, `frequencies` weighs the training images accordingly
(Podkopaev and Ramdas 2021, https://arxiv.org/abs/2103.03323, section 2.3); without them coverage is that over evenly
frequent classes.

crepes has the p-values of split-conformal sets, but does not join folds, and MAPIE trains scikit-learn estimators
anew; so the few lines are here, and tests hold them against crepes.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.errors import TrainingError
from handful.models.classifier import Classifier
from handful.models.conformal_coverage import CLOSE
from handful.models.network import Network
from handful.parts.posthoc._cross_conformal import HERE, CrossConformal, images_needed, most_coverage
from handful.parts.posthoc._folds import (
    Fold,
    check_folds,
    fold_networks,
    plain_network,
    possible_folds,
    with_card_entry,
)
from handful.parts.posthoc._multilabel_conformal import MultilabelConformal, expected_multilabel_size

multilabel = True
calibrates = True
keeps_probabilities = True
ByClass = bool | Literal["auto"]


def wrap(
    network: nn.Module,
    *,
    coverage: float = 0.9,
    by_class: bool = False,
    folds: int = 2,
    images: int = 1,
    classes: int = 1,
    shared: bool = False,
    multilabel: bool = False,
) -> CrossConformal:
    """The network with the folds' networks and scores still to be filled in; also how a saved one is built again.

    Raises:
        ValueError: the coverage is not between 0 and 1.
    """
    if isinstance(coverage, bool) or not 0 < coverage < 1:
        raise ValueError(f"coverage must be between 0 and 1, e.g. 0.9, not {coverage!r}")
    shape = {"folds": folds, "images": images, "classes": classes}
    if multilabel:
        return MultilabelConformal(network, coverage=float(coverage), shared=shared, **shape)
    return CrossConformal(network, coverage=float(coverage), by_class=by_class, shared=shared, **shape)


def build(
    context: Context,
    *,
    coverage: float = 0.9,
    folds: int = 5,
    by_class: ByClass = "auto",
    frequencies: Sequence[float] | None = None,
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Store what `Classifier.sets` needs. Training takes `folds` times as long, and each set as many networks.

    Args:
        context: gives the recipe, and the training images of each class.
        coverage: share of the sets that are to hold the right class.
        folds: number of folds; fewer where the smallest class has fewer images.
        by_class: compare images of a class with that class's alone; "auto": where each class has twice the images
            that takes, or its largest score alone would decide; never with `frequencies`. With several labels per
            image always: sets then hold a class for a share of at least `coverage` of the images that show it.
        frequencies: how frequent the classes, in their order, are where the model will be used, on any scale; None:
            as in the training images.

    Raises:
        ValueError: a number out of range, or frequencies that do not fit the classes.
        TrainingError: the training images cannot support the coverage; says how many would.
    """
    wrap(nn.Identity(), coverage=coverage)
    check_folds(folds)
    if by_class not in (True, False, "auto"):
        raise ValueError(f"by_class must be true, false or auto, not {by_class!r}")
    number = possible_folds(context, folds)
    if context.task.kind == "multilabel":
        if by_class is False or frequencies is not None:
            raise ValueError("by_class and frequencies have no effect with several labels per image: leave them out")
        _refuse_few(context, coverage, number, by_class=True, heaviest=1.0)
        return _multilabel(context, coverage, number)
    weights = _weights(context.task.counts, frequencies)
    if frequencies is not None and by_class is True:
        raise ValueError("frequencies have no effect with by_class: leave one of them out")
    enough = frequencies is None and context.task.counts.min() >= 2 * images_needed(coverage)
    per_class = bool(enough) if by_class == "auto" else bool(by_class)
    _refuse_few(context, coverage, number, by_class=per_class, heaviest=float(weights.max()))

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        one = classifiers[0]
        parts = fold_networks(context, data, folds=number)
        networks = [part.classifier.network for part in parts]
        shared = _same_backbone([plain_network(one.network), *networks])
        n = sum(len(part.held_out) for part in parts)
        wrapped = wrap(
            one.network,
            coverage=coverage,
            by_class=per_class,
            folds=number,
            images=n,
            shared=shared,
            classes=len(one.classes),
        )
        _fill(wrapped, parts)
        wrapped.weights.copy_(torch.from_numpy(weights))
        wrapped = wrapped.to(one.device).eval().requires_grad_(False)
        known = {} if frequencies is None else {"coverage_frequencies": list(frequencies)}
        facts = {"coverage": coverage, "coverage_by_class": per_class, "coverage_images": n, "coverage_folds": number}
        size = round(expected_size(parts, coverage, by_class=per_class, weights=weights), 2)
        return with_card_entry(replace(one, network=wrapped), **facts, **known, expected_set_size=size)

    return apply


def _multilabel(
    context: Context, coverage: float, number: int
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        one = classifiers[0]
        parts = fold_networks(context, data, folds=number)
        networks = [part.classifier.network for part in parts]
        n = sum(len(part.held_out) for part in parts)
        shared = _same_backbone([plain_network(one.network), *networks])
        shape = {"folds": number, "images": n, "classes": len(one.classes)}
        wrapped = MultilabelConformal(one.network, coverage=coverage, shared=shared, **shape)
        wrapped.fill(parts)
        wrapped = wrapped.to(one.device).eval().requires_grad_(False)
        facts = {"coverage": coverage, "coverage_by_class": True, "coverage_images": n, "coverage_folds": number}
        size = round(expected_multilabel_size(parts, coverage), 2)
        return with_card_entry(replace(one, network=wrapped), **facts, expected_set_size=size)

    return apply


def expected_size(
    parts: Sequence[Fold], coverage: float, *, by_class: bool, weights: Float[np.ndarray, " k"] | None = None
) -> float:
    """Mean number of classes in the sets of the training images, each predicted by a network that it did not train."""
    scores = -torch.from_numpy(np.concatenate([part.logits for part in parts])).log_softmax(dim=1).numpy()
    labels = np.concatenate([part.held_out.labels for part in parts])
    each = np.ones(scores.shape[1]) if weights is None else weights
    true, size = scores[np.arange(len(labels)), labels], 0.0  # scores of each image's own class
    for y in range(scores.shape[1]):
        counts = each[labels] * (labels == y if by_class else 1)
        order = np.argsort(true, kind="stable")
        weight_above = np.append(np.cumsum(counts[order][::-1])[::-1], 0.0)
        worse = weight_above[np.searchsorted(true[order], scores[:, y], side="left")] - counts * (true >= scores[:, y])
        p = (worse + each[y]) / (counts.sum() - counts + each[y])
        size += float((each[labels] * (p > 1 - coverage + CLOSE)).sum())
    return size / float(each[labels].sum())


def _fill(wrapped: CrossConformal, parts: Sequence[Fold]) -> None:
    labels = np.concatenate([part.held_out.labels for part in parts])
    logits = torch.from_numpy(np.concatenate([part.logits for part in parts]))
    wrapped.labels.copy_(torch.from_numpy(labels))
    wrapped.scores.copy_(F.cross_entropy(logits, torch.from_numpy(labels), reduction="none"))
    wrapped.fill_folds(parts)


def _same_backbone(networks: Sequence[nn.Module]) -> bool:
    """Whether training left one and the same backbone in all of them."""
    if not all(isinstance(network, Network) for network in networks):
        return False
    first, *others = (network.backbone.state_dict() for network in networks if isinstance(network, Network))
    return all(torch.equal(value, other[name]) for other in others for name, value in first.items())


def _weights(counts: Int[np.ndarray, " k"], frequencies: Sequence[float] | None) -> Float[np.ndarray, " k"]:
    """What an image of each class counts for; 1 on average over the images."""
    if frequencies is None:
        return np.ones(len(counts))
    relative = np.asarray(frequencies, dtype=np.float64)
    if relative.shape != counts.shape or not np.isfinite(relative).all() or relative.min() <= 0:
        raise ValueError(
            f"frequencies {tuple(frequencies)} do not fit {len(counts)} classes: give a number above 0 each"
        )
    return np.asarray(relative / relative.sum() / (counts / counts.sum()))


def _refuse_few(context: Context, coverage: float, folds: int, *, by_class: bool, heaviest: float) -> None:
    counts, needed = context.task.counts, images_needed(coverage, heaviest=heaviest)
    n = int(counts.min() if by_class else counts.sum())
    if folds < 2:
        raise TrainingError(
            f"class {context.task.classes[int(counts.argmin())]!r} has one training image or group: it cannot be held "
            "out and trained on, so there are no conformal sets",
            where=HERE,
            remedy="label at least two images of each class, or leave the part out.",
        )
    if n < needed:
        whom = "of each class" if by_class else "in all"
        raise TrainingError(
            f"coverage {coverage:g} needs {needed} training images {whom}, and there are {n}: every set would have to "
            "hold all classes",
            where=HERE,
            remedy=f"label {needed - n} more {whom}, or ask for a coverage of "
            f"{most_coverage(n, heaviest=heaviest):.3g} or less.",
        )
