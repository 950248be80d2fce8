"""Checks of a data set before training: faults that make it impossible are errors, doubtful samples are warnings."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from handful.core.dataset import Dataset, Image, Sample
from handful.data.bags import one_per_bag
from handful.data.finding import Finding, Severity
from handful.data.image_cache import store_decoded
from handful.data.images import content_hash, pixels, refuse_other_size
from handful.data.listed_classes import LISTED, listed_class_findings
from handful.data.numbers import in_fifths, refuse_constant
from handful.data.split_checks import refuse_few_bags, refuse_small_classes
from handful.data.votes import refuse_improper
from handful.errors import DataError, HandfulWarning, option


def check(
    data: Dataset,
    *,
    per_class: int | None = None,
    folds: int | None = None,
    score_on: str | None = None,
    strict: bool = False,
    each: Callable[[Image], None] | None = None,
) -> list[Finding]:
    """Read every image once and return findings, after a `HandfulWarning` for each.

    Kinds: "looks like several labels" (class names that are lists of others), "empty mask", "full mask", and identical
    images under two ids (SHA-256 of the decoded pixels): "duplicate across classes", "duplicate across splits", and
    "duplicate" within a class where drawing or cross-validation could separate them. Another warning says that a val
    split is not used.

    Args:
        data: samples to train on and to score.
        per_class: number of images per class in a draw; None: all.
        folds: number of cross-validation folds; None: no cross-validation.
        score_on: what is scored, as in `handful.Protocol`; None: nothing.
        strict: raise an error for a finding instead of a warning.
        each: called with every image in turn, so that it need not be decoded again to be measured.

    Raises:
        DataError: no images, no labels, one class, a class with fewer images than `per_class` or groups
            than `folds`, a label outside the classes, an id used twice, a group on two sides of the split, a
            file that cannot be read, a mask of another size than its image; with `strict` any finding.
    """
    refuse_unusable(data, per_class=per_class, folds=folds)
    if score_on != "val":
        _warn_of_validation(data, scored=score_on is not None)
    resplit = folds is not None or not len(data.split("val" if score_on == "val" else "test"))
    findings = [*listed_class_findings(data), *_masks_and_copies(data, resplit=resplit, each=each)]
    for finding in findings:
        if strict:
            raise DataError(
                finding.message,
                where=finding.ids[0] if finding.ids else "the class names",
                remedy=f"{finding.remedy}, or leave out {option('strict', None)} to get a warning instead.",
            )
        more = f"; {finding.remedy}" if finding.kind == LISTED else ""
        warnings.warn(finding.message + more, HandfulWarning, stacklevel=2)
    return findings


def refuse_unusable(data: Dataset, *, per_class: int | None = None, folds: int | None = None) -> None:
    """The errors of `check` that are seen without reading an image; arguments are those of `check`.

    Raises:
        DataError: as `check`, but for what needs pixels.
    """
    _refuse_improper(data)
    _refuse_few(data, per_class, folds)


def _refuse_improper(data: Dataset) -> None:
    if not len(data):
        raise DataError("no images found", remedy="check the path and the split column.")
    ids: set[str] = set()
    sides: dict[str, Sample] = {}
    for sample in data.samples:
        if sample.label is not None and not 0 <= sample.label < len(data.classes):
            raise DataError(
                f"the label {sample.label} is outside the {len(data.classes)} classes",
                where=sample.id,
                remedy="labels count from 0; correct it, or add its class.",
            )
        if sample.target is not None and len(sample.target) != len(data.classes):
            raise DataError(
                f"a target of {len(sample.target)} entries, and {len(data.classes)} classes",
                where=sample.id,
                remedy="give one entry for each class.",
            )
        refuse_improper(sample, len(data.classes))
        if sample.id in ids:
            raise DataError("the id is listed twice", where=sample.id, remedy="give each sample an id of its own.")
        ids.add(sample.id)
        if sample.group is None:
            continue
        first = sides.setdefault(sample.group, sample)
        if (first.split or "train") != (sample.split or "train"):
            raise DataError(
                f"group {sample.group!r} is both in {first.split or 'train'} ({first.id}) "
                f"and in {sample.split or 'train'}",
                where=sample.id,
                remedy="move the whole group to one side of the split.",
            )


def _refuse_few(data: Dataset, per_class: int | None, folds: int | None) -> None:
    part = data.split("train", None)
    pool = part.labelled()
    if not len(pool):
        raise DataError(
            "no training image has a label",
            where=data.samples[0].id,
            remedy='label some images, and mark them "train" or leave their split empty.',
        )
    if data.kind == "number":
        refuse_constant(pool)
        if per_class is not None or folds is not None:
            _refuse_few(in_fifths(pool), per_class, folds)
        return
    if data.kind == "bag":
        refuse_few_bags(pool, max(per_class or 1, folds or 1))
        _refuse_few(one_per_bag(pool), None, None)
        return
    if data.kind == "multilabel":
        _refuse_few_positives(pool, per_class, folds)
        return
    present = {s.label for s in pool.samples}
    if len(present) < 2:
        only = data.classes[pool.samples[0].label or 0]
        raise DataError(
            "this is the only class with training images",
            where=f"class {only!r}",
            remedy="add images of at least one other class; image folders need one sub-folder per class.",
        )
    if folds is not None:
        refuse_small_classes(pool, folds)
    required = per_class or 1
    for label, name in enumerate(data.classes):
        labelled = [s for s in pool.samples if s.label == label]
        if len(labelled) < required:
            raise DataError(
                f"has {len(labelled)} labelled images for training, fewer than the {required} needed",
                where=f"class {name!r}" + (f" ({labelled[0].id})" if labelled else ""),
                remedy="label more images of it, ask for fewer per class, or leave the class out.",
            )


def _refuse_few_positives(pool: Dataset, per_class: int | None, folds: int | None) -> None:
    """Refuse multilabel data in which too few training images show a class."""
    if len(pool.classes) < 2:
        raise DataError(
            f"a single class, {pool.classes[0]!r}" if pool.classes else "no class",
            where="the classes",
            remedy="give a second class; to tell whether an image shows one thing, read the labels as one per "
            "image, with a second label for images without it.",
        )
    if folds is not None:
        refuse_small_classes(pool, folds)
    required = per_class or 1
    for name, present in zip(pool.classes, pool.counts, strict=True):
        if present < required:
            raise DataError(
                f"is shown by {present} training images, fewer than the {required} needed",
                where=f"class {name!r}",
                remedy="label more images of it, ask for fewer per class, or leave the class out.",
            )


def _warn_of_validation(data: Dataset, *, scored: bool) -> None:
    """Say that nothing is done with a val split: other libraries stop a training by it, or choose the best epoch."""
    if unused := len(data.split("val")):
        score = f"score on it ({option('score_on', 'val')}), or " if scored else ""
        warnings.warn(
            f"the val split ({unused} images) is neither trained on nor scored; to use its images, {score}move them "
            "into the train or the test split",
            HandfulWarning,
            stacklevel=3,
        )


def _masks_and_copies(data: Dataset, *, resplit: bool, each: Callable[[Image], None] | None) -> list[Finding]:
    hashes = []
    for sample in data.samples:
        image = pixels(sample)
        store_decoded(sample, image)
        hashes.append(content_hash(image))
        refuse_other_size(sample, (image.shape[1], image.shape[2]))
        if each is not None:
            each(image)
    # The same picture, such as a tile of background, may lie in bags of several classes.
    copies = [] if data.kind == "bag" else exact_copy_findings(data, hashes, resplit=resplit)
    return [*blank_mask_findings(data), *copies]


def blank_mask_findings(data: Dataset) -> list[Finding]:
    """The findings "empty mask" and "full mask"."""
    masked = [s for s in data.samples if s.mask is not None and s.known is None]
    empty = [s for s in masked if s.mask is not None and not s.mask.any()]
    full = [s for s in masked if s.mask is not None and s.mask.size and s.mask.all()]
    texts = (("empty mask", "the mask is empty", empty), ("full mask", "the mask covers the whole image", full))
    remedy = "draw these masks again, or remove them"
    return [
        Finding(kind, "warning", text, tuple((s.id,) for s in samples), remedy)
        for kind, text, samples in texts
        if samples
    ]


def exact_copy_findings(data: Dataset, hashes: Sequence[str], *, resplit: bool) -> list[Finding]:
    """The findings "duplicate across classes", "duplicate across splits" and, with `resplit`, "duplicate".

    Args:
        data: the samples.
        hashes: `content_hash` of each sample's image.
        resplit: drawing or cross-validation could separate copies that are in one class and one split.
    """
    samples_by_hash: dict[str, list[Sample]] = defaultdict(list)
    for sample, digest in zip(data.samples, hashes, strict=True):
        samples_by_hash[digest].append(sample)
    return copy_findings([equal for equal in samples_by_hash.values() if len(equal) > 1], resplit=resplit)


def _contradict(samples: Sequence[Sample]) -> bool:
    """Whether a class is present in one sample's target and absent in another's."""
    rows = np.array([s.target for s in samples if s.target is not None])
    return bool(len(rows)) and bool(((rows == 1).any(axis=0) & (rows == 0).any(axis=0)).any())


def copy_findings(sets: Sequence[Sequence[Sample]], *, resplit: bool, near: bool = False) -> list[Finding]:
    """One finding for each kind of copy.

    Args:
        sets: samples with the same image, in sets.
        resplit: as for `exact_copy_findings`.
        near: the images of a set are only nearly the same.
    """
    ids_by_kind: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for samples in sets:
        ids = tuple(s.id for s in samples)
        across_classes = len({s.label for s in samples} - {None}) > 1 or _contradict(samples)
        across_splits = len({s.split or "train" for s in samples}) > 1
        if across_classes:
            ids_by_kind["duplicate across classes"].append(ids)
        if across_splits:
            ids_by_kind["duplicate across splits"].append(ids)
        if resplit and not across_classes and not across_splits:
            ids_by_kind["duplicate"].append(ids)
    picture = "nearly the same picture" if near else "the same picture"
    texts: tuple[tuple[str, Severity, str, str], ...] = (
        (
            "duplicate across classes",
            "error",
            f"{picture} is in several classes",
            "decide which class is right and remove the others",
        ),
        (
            "duplicate across splits",
            "error",
            f"{picture} is trained on and held out",
            "remove one side of each, or the score counts memory",
        ),
        (
            "duplicate",
            "warning",
            f"{picture} occurs several times and may be both trained on and scored",
            "keep one of each, or tie them with a group column",
        ),
    )
    return [
        Finding(f"near {kind}" if near else kind, severity, what, tuple(ids_by_kind[kind]), remedy)
        for kind, severity, what, remedy in texts
        if kind in ids_by_kind
    ]
