"""Draws of M images per class, cross-validation folds and hold-out splits: seeded, stratified, groups never split.

All depend on ids, labels, groups and splits only, and sort by id first, so the order in which the samples were read
has no effect. Only `scored_split` returns samples of the splits "test" and "val".
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

from handful.core.dataset import Dataset, Sample
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
        raise DataError(f"there is no {name} split", where=split_sizes(data), remedy=ways_to_score(data))
    labelled = _labelled(part)
    if not len(labelled):
        raise DataError(
            f"the {name} split has no labels, so it cannot be scored",
            where=part.samples[0].id,
            remedy="label its images" + (f", or cross-validate ({option('folds', 5)})." if offers("folds") else "."),
        )
    return labelled


def ways_to_score(data: Dataset) -> str:
    """The remedy for data without a test split: how else a recipe can be scored on it."""
    ways = [f"cross-validate ({option('folds', 5)})"] if offers("folds") else []
    if offers("per_class"):
        ways.append(f"score on the images that the draws leave unused ({option('per_class', 5)})")
    if len(data.split("test")):
        ways.append(f"score on the test split ({option('score_on', 'test')})")
    elif validation := len(data.split("val")):
        ways.append(f"score on the {validation} images of the val split ({option('score_on', 'val')})")
    else:
        ways.append('mark images "test" in the split column or by a folder test/')
    return alternatives(ways)


def draw(data: Dataset, per_class: int, seed: int) -> tuple[Dataset, Dataset]:
    """`per_class` labelled images of each class from the training split, and the labelled rest of that split.

    Draws are nested: with one seed, the images at M = 1 are among those at M = 5. The order of the samples depends
    on the seed and their ids alone (SHA-256 of both), so adding a class or a file does not change the order of the
    others. The rest has no sample of a group that was drawn. Unlabelled samples are in neither.

    Args:
        data: any data set; only its training split is used.
        per_class: M, at least 1.
        seed: the number of the draw.

    Raises:
        DataError: M is below 1, there are no labelled images, or a class has fewer than M.
    """
    if per_class < 1:
        raise DataError(f"cannot draw {per_class} images per class", remedy="draw 1 or more.")
    return draw_counts(data, [per_class] * len(data.classes), seed)


def draw_counts(data: Dataset, wanted: Sequence[int], seed: int) -> tuple[Dataset, Dataset]:
    """As `draw`, with a number of images for each class.

    Raises:
        DataError: there are no labelled images, or a class has fewer than wanted.
    """
    pool = _pool(data)
    counts = _counts(pool)
    for label, name in enumerate(data.classes):
        if counts[label] < wanted[label]:
            raise DataError(
                f"has {counts[label]} labelled images for training, fewer than the {wanted[label]} to draw",
                where=f"class {name!r}",
                remedy=f"draw at most {counts[label]} per class, label more images, or leave the class out."
                if counts[label]
                else "label images of it, or leave the class out.",
            )
    drawn_counts: Counter[int | None] = Counter()
    drawn = []
    for sample in sorted(pool.samples, key=lambda s: random_key(seed, s.id)):
        assert sample.label is not None
        if drawn_counts[sample.label] < wanted[sample.label]:
            drawn_counts[sample.label] += 1
            drawn.append(sample)
    groups, ids = {_group(s) for s in drawn}, {s.id for s in drawn}
    rest = [s for s in pool.samples if s.id not in ids and _group(s) not in groups]
    return in_order(data, drawn), in_order(data, rest)


def folds(data: Dataset, k: int, seed: int) -> list[tuple[Dataset, Dataset]]:
    """`k` pairs of training and held-out images: every labelled image of the training split is held out once.

    Stratified by class; with groups, no group is on both sides, and the folds are only nearly stratified.

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
    refuse_small_classes(pool, k)
    labels, groups = pool.labels, [_group(s) for s in pool.samples]
    if len(set(groups)) == len(groups):
        pairs = StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels)
    else:
        pairs = StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(labels, labels, groups)
    result = [(pool.select(train), pool.select(held_out)) for train, held_out in pairs]
    for train, held_out in result:
        _refuse_missing_class(train, held_out)
    return result


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
    refuse_small_classes(pool, 2)
    wanted = {label: min(max(1, round(share * n)), n - 1) for label, n in _counts(pool).items()}
    members: dict[str, list[Sample]] = defaultdict(list)
    for sample in pool.samples:
        members[_group(sample)].append(sample)
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
    train = in_order(data, [s for s in pool.samples if _group(s) not in held_out_groups])
    held_out = in_order(data, [s for s in pool.samples if _group(s) in held_out_groups])
    _refuse_missing_class(train, held_out)
    return train, held_out


def refuse_small_classes(pool: Dataset, k: int) -> None:
    """Refuse to split a class into more folds than it has images or groups.

    Raises:
        DataError: names the class, or the only group.
    """
    refuse_one_group(pool)
    for label, name in enumerate(pool.classes):
        samples = [s for s in pool.samples if s.label == label]
        for n, unit in ((len(samples), "labelled images"), (len({_group(s) for s in samples}), "groups")):
            if n < k:
                raise DataError(
                    f"has {n} {unit} for training, fewer than {k} folds",
                    where=f"class {name!r}",
                    remedy=f"use {n} folds or fewer, label more images, or leave the class out."
                    if n > 1
                    else "label more images of it, or leave the class out.",
                )


def refuse_one_group(pool: Dataset) -> None:
    """Refuse to split images that are all of one group.

    Raises:
        DataError: names the group.
    """
    groups = {s.group for s in pool.samples}
    (only,) = groups if len(groups) == 1 else (None,)
    if only is not None:
        raise DataError(
            f"all {len(pool)} training images are of the group {only!r}, and a group is never split",
            where="groups",
            remedy="give each patient (or site, or session) a group of its own, leave the groups out, or score on a "
            "test split.",
        )


def _refuse_missing_class(*parts: Dataset) -> None:
    for part in parts:
        missing = set(range(len(part.classes))) - set(_counts(part))
        if missing:
            raise DataError(
                "its groups are so large that one side of the split has no image of it",
                where=f"class {part.classes[min(missing)]!r}",
                remedy="use another seed or fewer folds, or add images of further groups.",
            )


def _pool(data: Dataset) -> Dataset:
    pool = _labelled(training_split(data))
    if not len(pool):
        raise DataError("no training image has a label", where=data.samples[0].id, remedy="label some images.")
    return in_order(data, pool.samples)


def _labelled(data: Dataset) -> Dataset:
    labelled = tuple(s for s in data.samples if s.label is not None)
    return Dataset(labelled, data.classes, segmenter_saw=data.segmenter_saw)


def in_order(data: Dataset, samples: Iterable[Sample]) -> Dataset:
    """These samples, sorted by id."""
    by_id = tuple(sorted(samples, key=lambda s: s.id))
    return Dataset(by_id, data.classes, segmenter_saw=data.segmenter_saw)


def _counts(data: Dataset) -> Counter[int | None]:
    return Counter(s.label for s in data.samples)


def _group(sample: Sample) -> str:
    """The sample's group; a sample without one is a group of its own."""
    return f"id:{sample.id}" if sample.group is None else f"group:{sample.group}"


def random_key(seed: int, name: str) -> bytes:
    """Sort key that puts names in a pseudo-random order of this seed, the same on every machine."""
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def split_sizes(data: Dataset) -> str:
    """The number of images of each split, as the location of an error."""
    counts = Counter("no split" if s.split is None else s.split for s in data.samples)
    return "the data (" + (", ".join(f"{name}: {n}" for name, n in sorted(counts.items())) or "empty") + ")"
