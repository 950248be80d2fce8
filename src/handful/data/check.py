"""Checks before training: what makes it impossible is refused, what makes its score doubtful is warned of."""

import warnings
from collections import defaultdict
from dataclasses import dataclass

from handful.data.images import content_hash, pixels, refuse_other_size
from handful.data.splits import refuse_small_classes
from handful.errors import DataError, HandfulWarning
from handful.types import Dataset, Sample

_SHOWN = 5  # samples named in a message; a finding holds all


@dataclass(frozen=True)
class Finding:
    """Something doubtful: `kind` is a short name, `samples` the ids it is about."""

    kind: str
    message: str
    samples: tuple[str, ...]


def check(
    data: Dataset, *, per_class: int | None = None, folds: int | None = None, strict: bool = False
) -> list[Finding]:
    """Read every image once and return what is doubtful, after a `HandfulWarning` for each finding.

    Kinds: "empty mask", "full mask", and equal pictures under two names (SHA-256 of the decoded pixels):
    "duplicate across classes", "duplicate across splits", and "duplicate" within a class where drawing or
    cross-validation could part them.

    Args:
        data: what will be trained on and scored.
        per_class: images per class that will be drawn.
        folds: folds that will be cut.
        strict: refuse what would otherwise be warned of.

    Raises:
        DataError: no images, no labels, one class, a class with fewer images than `per_class` or groups
            than `folds`, a label outside the classes, an id used twice, a group on two sides of the split, a
            file that cannot be read, a mask of another size than its image; with `strict` any finding.
    """
    _refuse_unusable(data)
    _refuse_few(data, per_class, folds)
    findings = [*_masks_and_copies(data, resplit=folds is not None or not len(data.part("test")))]
    for finding in findings:
        if strict:
            raise DataError(
                finding.message,
                where=finding.samples[0],
                remedy="remove or correct them, or leave out strict (--strict) to be warned only.",
            )
        warnings.warn(finding.message, HandfulWarning, stacklevel=2)
    return findings


def _refuse_unusable(data: Dataset) -> None:
    if not len(data):
        raise DataError("there are no images", remedy="check the path and the split column.")
    ids: set[str] = set()
    sides: dict[str, Sample] = {}
    for sample in data.samples:
        if sample.label is not None and not 0 <= sample.label < len(data.classes):
            raise DataError(
                f"the label {sample.label} is outside the {len(data.classes)} classes",
                where=sample.id,
                remedy="labels count from 0; correct it, or add its class.",
            )
        if sample.id in ids:
            raise DataError("the id is used twice", where=sample.id, remedy="give each sample an id of its own.")
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
    part = data.part("train", None)
    pool = part.select([i for i, s in enumerate(part.samples) if s.label is not None])
    if not len(pool):
        raise DataError(
            "no training image has a label",
            where=data.samples[0].id,
            remedy='label some images, and mark them "train" or leave their split empty.',
        )
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
    wanted = per_class or 1
    for label, name in enumerate(data.classes):
        own = [s for s in pool.samples if s.label == label]
        if len(own) < wanted:
            raise DataError(
                f"has {len(own)} labelled images for training, fewer than the {wanted} needed",
                where=f"class {name!r}" + (f" ({own[0].id})" if own else ""),
                remedy="label more images of it, ask for fewer per class, or leave the class out.",
            )


def _masks_and_copies(data: Dataset, *, resplit: bool) -> list[Finding]:
    blank: dict[str, list[Sample]] = {"empty mask": [], "full mask": []}
    same: dict[str, list[Sample]] = defaultdict(list)
    for sample in data.samples:
        image = pixels(sample)
        same[content_hash(image)].append(sample)
        refuse_other_size(sample, (image.shape[1], image.shape[2]))
        mask = sample.mask
        if mask is None:
            continue
        if not mask.any():
            blank["empty mask"].append(sample)
        elif mask.all():
            blank["full mask"].append(sample)
    findings = [
        _finding(kind, text, [(s,) for s in blank[kind]])
        for kind, text in (("empty mask", "the mask is empty"), ("full mask", "the mask covers the whole image"))
        if blank[kind]
    ]
    copies: dict[str, list[tuple[Sample, ...]]] = defaultdict(list)
    for equal in same.values():
        if len(equal) < 2:
            continue
        across_classes = len({s.label for s in equal} - {None}) > 1
        across_splits = len({s.split or "train" for s in equal}) > 1
        if across_classes:
            copies["duplicate across classes"].append(tuple(equal))
        if across_splits:
            copies["duplicate across splits"].append(tuple(equal))
        if resplit and not across_classes and not across_splits:
            copies["duplicate"].append(tuple(equal))
    texts = {
        "duplicate across classes": "the same picture is in several classes",
        "duplicate across splits": "the same picture is trained on and held out",
        "duplicate": "the same picture occurs several times and may be both trained on and scored",
    }
    findings += [_finding(kind, text, copies[kind]) for kind, text in texts.items() if kind in copies]
    return findings


def _finding(kind: str, text: str, about: list[tuple[Sample, ...]]) -> Finding:
    shown = "; ".join(" = ".join(s.id for s in one) for one in about[:_SHOWN])
    more = f"; and {len(about) - _SHOWN} more" if len(about) > _SHOWN else ""
    return Finding(kind, f"{text}: {shown}{more}", tuple(s.id for one in about for s in one))
