"""Draws of M images per class, cross-validation folds and hold-out splits: seeded, stratified, groups never split.

All depend on ids, labels, groups and splits only, and sort by id first, so the order in which the samples were read
has no effect. Only `scored_split` returns samples of the splits "test" and "val". Images with candidates in place of a
label always train, except where their group is held out.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from handful.core.dataset import Dataset, Sample
from handful.data.bags import one_per_bag, with_images
from handful.data.numbers import in_fifths, with_numbers
from handful.data.split_checks import (
    class_counts,
    group_of,
    refuse_few_bags,
    refuse_missing_class,
    refuse_small_classes,
    refuse_too_few,
    refuse_uneven_draw,
)
from handful.data.stratification import complete_folds, nested_draw
from handful.errors import DataError, alternatives, offers, option


def training_split(data: Dataset) -> Dataset:
    """The samples to train on, unlabelled ones included: split "train", or no split.

    Raises:
        DataError: there are none.
    """
    part = data.split("train", None)
    if not len(part):
        raise DataError(
            "there is no training split",
            where=split_sizes(data),
            remedy='mark some images "train" in the split column, or put them in a folder train/.',
        )
    return part


def scored_split(data: Dataset, name: Literal["test", "val"]) -> Dataset:
    """The labelled samples of split "test", or of "val" on request. No other split ever replaces it.

    Raises:
        DataError: there are none.
    """
    part = data.split(name)
    if not len(part):
        raise DataError(f"there is no {name} split", where=split_sizes(data), remedy=ways_to_score(data, name))
    labelled = _labelled(part)
    if not len(labelled):
        raise DataError(
            f"the {name} split has no labels, so it cannot be scored",
            where=part.samples[0].id,
            remedy="label its images" + (f", or cross-validate ({option('folds', 5)})." if offers("folds") else "."),
        )
    return labelled


def ways_to_score(data: Dataset, missing: Literal["test", "val"] = "test") -> str:
    """The remedy for data without the split that was to be scored: how else a recipe can be scored on it."""
    ways = [f"cross-validate ({option('folds', 5)})"] if offers("folds") else []
    if offers("per_class"):
        ways.append(f"score on the images that the draws leave unused ({option('per_class', 5)})")
    if len(data.split("test")):
        ways.append(f"score on the test split ({option('score_on', 'test')})")
    elif validation := len(data.split("val")):
        ways.append(f"score on the {validation} images of the val split ({option('score_on', 'val')})")
    else:
        ways.append(f'mark images "{missing}" in the split column or by a folder {missing}/')
    return alternatives(ways)


def draw(data: Dataset, per_class: int, seed: int) -> tuple[Dataset, Dataset]:
    """`per_class` labelled images of each class from the training split, and the labelled rest of that split.

    Of multilabel data, at least `per_class` images show each class, as `nested_draw` says; of numbers, `per_class` are
    of each fifth of their range; of bags, `per_class` bags are of each class, with all of their images.

    Draws are nested: with one seed, the images at M = 1 are among those at M = 5. The order of the samples depends
    on the seed and their ids alone (SHA-256 of both), so adding a class or a file does not change the order of the
    others. The rest has no sample of a group that was drawn. Unlabelled samples are in neither. All samples with
    candidates in place of a label are drawn, and the rest has none of their groups.

    Args:
        data: any data set; only its training split is used.
        per_class: M, at least 1.
        seed: the number of the draw.

    Raises:
        DataError: M is below 1, there are no labelled images, or a class has fewer than M.
    """
    if per_class < 1:
        raise DataError(f"cannot draw {per_class} images per class", remedy="draw 1 or more.")
    if data.kind == "number":
        drawn, rest = draw(in_fifths(_pool(data)), per_class, seed)
        return with_numbers(drawn, data), with_numbers(rest, data)
    if data.kind == "bag":
        pool = _pool(data)
        refuse_few_bags(pool, per_class)
        drawn, rest = draw(one_per_bag(pool), per_class, seed)
        return with_images(drawn, pool), with_images(rest, pool)
    if data.kind == "multilabel":
        pool = _pool(data)
        refuse_too_few(pool, [per_class] * len(data.classes))
        ordered = sorted(pool.samples, key=lambda s: random_key(seed, s.id))
        positions = nested_draw(replace(pool, samples=tuple(ordered)).targets(), per_class)
        return _with_rest(data, pool, [ordered[i] for i in positions])
    return draw_counts(data, [per_class] * len(data.classes), seed)


def draw_counts(data: Dataset, wanted: Sequence[int], seed: int) -> tuple[Dataset, Dataset]:
    """As `draw`, with a number of images for each class.

    Raises:
        DataError: there are no labelled images, a class has fewer than wanted, or labels are not one per image.
    """
    refuse_uneven_draw(data)
    pool = _pool(data)
    refuse_too_few(pool, wanted)
    drawn_counts: Counter[int | None] = Counter()
    drawn = []
    for sample in sorted(pool.samples, key=lambda s: random_key(seed, s.id)):
        assert sample.label is not None
        if drawn_counts[sample.label] < wanted[sample.label]:
            drawn_counts[sample.label] += 1
            drawn.append(sample)
    return _with_rest(data, pool, drawn)


def _with_rest(data: Dataset, pool: Dataset, drawn: Sequence[Sample]) -> tuple[Dataset, Dataset]:
    """The drawn samples, and those of the pool that are in none of their groups."""
    drawn = [*drawn, *_candidates(data)]
    groups, ids = {group_of(s) for s in drawn}, {s.id for s in drawn}
    rest = [s for s in pool.samples if s.id not in ids and group_of(s) not in groups]
    return in_order(data, drawn), in_order(data, rest)


def folds(data: Dataset, k: int, seed: int) -> list[tuple[Dataset, Dataset]]:
    """`k` pairs of training and held-out images: every labelled image of the training split is held out once.

    Stratified by class, multilabel data as `iterative_stratification` says; with groups, no group is on both sides, and
    the folds are only nearly stratified. Samples with candidates in place of a label are in the training images of
    every fold that does not hold out their group.

    Args:
        data: any data set; its splits "test" and "val" are not used.
        k: number of folds, at least 2.
        seed: of the assignment of images to folds.

    Raises:
        DataError: k is below 2, or a class has fewer images, or fewer groups, than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # seconds on a busy machine

    if k < 2:
        raise DataError(f"cannot cross-validate with {k} folds", remedy="use 2 or more.")
    pool = _pool(data)
    if data.kind == "number":
        fifths = folds(in_fifths(pool), k, seed)
        return [(with_numbers(train, pool), with_numbers(held_out, pool)) for train, held_out in fifths]
    if data.kind == "bag":
        refuse_few_bags(pool, k)
        bags = folds(one_per_bag(pool), k, seed)
        return [(with_images(train, pool), with_images(held_out, pool)) for train, held_out in bags]
    refuse_small_classes(pool, k)
    if data.kind == "multilabel":
        fold = _stratified(pool, [1 / k] * k, seed)
        return _checked([(pool.select(fold != i), pool.select(fold == i)) for i in range(k)])
    labels, groups = pool.labels, [group_of(s) for s in pool.samples]
    if len(set(groups)) == len(groups):
        pairs = StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels)
    else:
        pairs = StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(labels, labels, groups)
    cut = [(pool.select(train), pool.select(held_out)) for train, held_out in pairs]
    return _checked([(_with_candidates(data, train, held_out), held_out) for train, held_out in cut])


def _candidates(data: Dataset) -> list[Sample]:
    """The training samples with candidates in place of a label."""
    return [s for s in data.split("train", None).samples if s.candidates is not None]


def _with_candidates(data: Dataset, train: Dataset, held_out: Dataset) -> Dataset:
    """The training images, with those that have candidates and are in no group that is held out."""
    groups = {group_of(s) for s in held_out.samples}
    more = [s for s in _candidates(data) if group_of(s) not in groups]
    return in_order(data, [*train.samples, *more]) if more else train


def _checked(pairs: list[tuple[Dataset, Dataset]]) -> list[tuple[Dataset, Dataset]]:
    for train, held_out in pairs:
        refuse_missing_class(train, held_out)
    return pairs


def _stratified(pool: Dataset, shares: Sequence[float], seed: int) -> np.ndarray:
    """The fold of each sample of multilabel data."""
    return complete_folds(pool.targets(), [group_of(s) for s in pool.samples], shares, seed)


def holdout(data: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """One split of the training split's labelled images into training images and a held-out share.

    Stratified: `share` of each class is held out, rounded, and at least one image is on either side. A group is never
    split, so the held-out share may differ where groups are large.

    Args:
        data: any data set; its splits "test" and "val" are not used.
        share: share of the images to hold out, between 0 and 1.
        seed: of the selection.

    Raises:
        DataError: the share is not between 0 and 1, or a class has a single image or group.
    """
    if not 0 < share < 1:
        raise DataError(f"cannot hold out a share of {share:g}", remedy="choose one between 0 and 1, such as 0.2.")
    pool = _pool(data)
    if data.kind == "number":
        train, held_out = holdout(in_fifths(pool), share, seed)
        return with_numbers(train, pool), with_numbers(held_out, pool)
    if data.kind == "bag":
        refuse_few_bags(pool, 2)
        train, held_out = holdout(one_per_bag(pool), share, seed)
        return with_images(train, pool), with_images(held_out, pool)
    refuse_small_classes(pool, 2)
    if data.kind == "multilabel":
        is_held_out = _stratified(pool, [1 - share, share], seed) == 1
        return _checked([(pool.select(~is_held_out), pool.select(is_held_out))])[0]
    wanted = {label: min(max(1, round(share * n)), n - 1) for label, n in class_counts(pool).items()}
    members: dict[str, list[Sample]] = defaultdict(list)
    for sample in pool.samples:
        members[group_of(sample)].append(sample)
    order = sorted(members, key=lambda group: random_key(seed, group))
    counts: Counter[int | None] = Counter()
    held_out_groups: set[str] = set()
    for group in order:
        adds = Counter(s.label for s in members[group])
        if all(counts[label] + n <= wanted[label] for label, n in adds.items()):
            counts.update(adds)
            held_out_groups.add(group)
    for label in wanted:  # a class whose groups are all larger than its share has its smallest held out
        if not counts[label]:
            smallest = min(
                (g for g in order if any(s.label == label for s in members[g])), key=lambda g: len(members[g])
            )
            counts.update(s.label for s in members[smallest])
            held_out_groups.add(smallest)
    train = in_order(data, [s for s in pool.samples if group_of(s) not in held_out_groups])
    held_out = in_order(data, [s for s in pool.samples if group_of(s) in held_out_groups])
    refuse_missing_class(train, held_out)
    return _with_candidates(data, train, held_out), held_out


def _pool(data: Dataset) -> Dataset:
    pool = _labelled(training_split(data))
    if not len(pool):
        raise DataError("no training image has a label", where=data.samples[0].id, remedy="label some images.")
    return in_order(data, pool.samples)


def _labelled(data: Dataset) -> Dataset:
    return replace(data.labelled(), left_out=())


def in_order(data: Dataset, samples: Iterable[Sample]) -> Dataset:
    """These samples, sorted by id."""
    return replace(data, samples=tuple(sorted(samples, key=lambda s: s.id)), left_out=())


def random_key(seed: int, name: str) -> bytes:
    """Sort key that puts names in a pseudo-random order of this seed, the same on every machine."""
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def split_sizes(data: Dataset) -> str:
    """The number of images of each split, as the location of an error."""
    counts = Counter("no split" if s.split is None else s.split for s in data.samples)
    return "the data (" + (", ".join(f"{name}: {n}" for name, n in sorted(counts.items())) or "empty") + ")"
