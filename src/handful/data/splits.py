"""Draws of M images per class, folds and a held-out share: by seed, stratified, groups kept whole.

Everything here looks at ids, labels, groups and splits only, and sorts by id first, so the order in which the
samples were read changes nothing. The part marked "test" is only ever returned by `test_split`.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from handful.core.dataset import Dataset, Sample
from handful.errors import DataError


def training_split(data: Dataset) -> Dataset:
    """The samples that may be trained on, unlabelled ones among them: split "train", or none.

    Raises:
        DataError: there are none.
    """
    part = data.split("train", None)
    if not len(part):
        raise DataError(
            "there is no training split",
            where=_splits(data),
            remedy='mark some images "train" in the split column, or put them in a folder train/.',
        )
    return part


def test_split(data: Dataset) -> Dataset:
    """The labelled samples of split "test". Another part is never taken in its place.

    Raises:
        DataError: there are none.
    """
    part = data.split("test")
    if not len(part):
        raise DataError(
            "there is no test split",
            where=_splits(data),
            remedy='cross-validate (--folds 5), score on the images that the draws leave unused, or mark images "test" '
            "in the split column or by a folder test/.",
        )
    labelled = _labelled(part)
    if not len(labelled):
        raise DataError(
            "the test split has no labels, so it cannot be scored",
            where=part.samples[0].id,
            remedy="label its images, or cross-validate (--folds 5) on the labelled ones.",
        )
    return labelled


def draw(data: Dataset, per_class: int, seed: int) -> tuple[Dataset, Dataset]:
    """`per_class` labelled images of each class from the training part, and the labelled rest of that part.

    Draws are nested: with one seed, the images at M = 1 are among those at M = 5. A sample's place depends
    on the seed and its id alone (SHA-256 of both), so a class or file added to the data moves nothing else.
    Where a group is given, the rest holds no sample of a group that was drawn. Unlabelled samples are in
    neither.

    Args:
        data: any data set; only its training part is looked at.
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
    taken: Counter[int | None] = Counter()
    chosen = []
    for sample in sorted(pool.samples, key=lambda s: random_key(seed, s.id)):
        assert sample.label is not None
        if taken[sample.label] < wanted[sample.label]:
            taken[sample.label] += 1
            chosen.append(sample)
    groups, ids = {_group(s) for s in chosen}, {s.id for s in chosen}
    rest = [s for s in pool.samples if s.id not in ids and _group(s) not in groups]
    return in_order(data, chosen), in_order(data, rest)


def folds(data: Dataset, k: int, seed: int) -> list[tuple[Dataset, Dataset]]:
    """`k` pairs of training and held-out images: every labelled image of the training part is held out once.

    Stratified by class; where a group is given, no group is on both sides (then only nearly stratified).

    Args:
        data: any data set; its "test" and "val" parts are left alone.
        k: number of folds, at least 2.
        seed: decides which images go together.

    Raises:
        DataError: k is below 2, or a class has fewer images, or fewer groups, than folds.
    """
    if k < 2:
        raise DataError(f"cannot cross-validate with {k} folds", remedy="use 2 or more.")
    pool = _pool(data)
    refuse_small_classes(pool, k)
    labels, groups = pool.labels, [_group(s) for s in pool.samples]
    if len(set(groups)) == len(groups):
        pairs = StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels)
    else:
        pairs = StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(labels, labels, groups)
    result = [(pool.select(train), pool.select(held)) for train, held in pairs]
    for train, held in result:
        _refuse_missing_class(train, held)
    return result


def holdout(data: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """Training images and a held-out share of the training part's labelled images, split once.

    Stratified: each class gives `share` of its images, rounded, and at least one image stays on either side.
    Where a group is given it goes to one side whole, so the share is met as nearly as the groups allow.

    Args:
        data: any data set; its "test" and "val" parts are left alone.
        share: held out, between 0 and 1.
        seed: decides which images are held out.

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
    held: Counter[int | None] = Counter()
    out: set[str] = set()
    for group in order:
        adds = Counter(s.label for s in members[group])
        if all(held[label] + n <= wanted[label] for label, n in adds.items()):
            held.update(adds)
            out.add(group)
    for label in wanted:  # a class whose every group is larger than its share still gives its smallest
        if not held[label]:
            smallest = min(
                (g for g in order if any(s.label == label for s in members[g])), key=lambda g: len(members[g])
            )
            held.update(s.label for s in members[smallest])
            out.add(smallest)
    train = in_order(data, [s for s in pool.samples if _group(s) not in out])
    kept = in_order(data, [s for s in pool.samples if _group(s) in out])
    _refuse_missing_class(train, kept)
    return train, kept


def refuse_small_classes(pool: Dataset, k: int) -> None:
    """Refuse to cut a class into more parts than it has images or groups.

    Raises:
        DataError: names the class.
    """
    for label, name in enumerate(pool.classes):
        own = [s for s in pool.samples if s.label == label]
        for n, things in ((len(own), "labelled images"), (len({_group(s) for s in own}), "groups")):
            if n < k:
                raise DataError(
                    f"has {n} {things} for training, fewer than {k} folds",
                    where=f"class {name!r}",
                    remedy=f"use {n} folds or fewer, label more images, or leave the class out."
                    if n > 1
                    else "label more images of it, or leave the class out.",
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
    return Dataset(tuple(s for s in data.samples if s.label is not None), data.classes)


def in_order(data: Dataset, samples: Iterable[Sample]) -> Dataset:
    """These samples, sorted by id."""
    return Dataset(tuple(sorted(samples, key=lambda s: s.id)), data.classes)


def _counts(data: Dataset) -> Counter[int | None]:
    return Counter(s.label for s in data.samples)


def _group(sample: Sample) -> str:
    """Its group; a sample without one is a group of its own."""
    return f"id:{sample.id}" if sample.group is None else f"group:{sample.group}"


def random_key(seed: int, name: str) -> bytes:
    """Where a name comes in the order of this seed: as good as random, the same on every machine."""
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def _splits(data: Dataset) -> str:
    counts = Counter("no split" if s.split is None else s.split for s in data.samples)
    return "the data (" + (", ".join(f"{name}: {n}" for name, n in sorted(counts.items())) or "empty") + ")"
