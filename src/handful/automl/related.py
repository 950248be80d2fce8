"""Related images tied into groups before anything is scored: copies, and images of one subject or burst.

An image whose copy is trained on is recognized, not classified. Copies, exact and near (`inspection.near_duplicates`),
and groups inferred from names or EXIF times (`inspection.group_inference`) become groups, which no fold divides.
Training images with a copy in the test part are left out. Files that cannot be read are left out, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from handful.core.dataset import Dataset, Sample
from handful.inspection.measurements import Measurements, measure_images
from handful.inspection.near_duplicates import connected_sets
from handful.training.image_features import features

MOST = 3000  # images that pass the network; among more, only exact copies and very near ones are found


@dataclass(frozen=True, eq=False)
class TiedData:
    """The data with related images in groups, what was measured of its images, and what was done, in sentences."""

    data: Dataset
    measurements: Measurements
    notes: tuple[str, ...]


def tie_related(data: Dataset, *, device: str = "cpu", advance: Callable[[], None] | None = None) -> TiedData:
    """Tie copies and inferred groups; each image is read once.

    Args:
        data: the samples.
        device: torch device of the embedded backbone.
        advance: called after each image.
    """
    extract = partial(features, device=device) if len(data) <= MOST else None
    measurements = measure_images(data, features=extract, advance=advance)
    notes = []
    if measurements.unreadable:
        first, reason = measurements.unreadable[0]
        count = len(measurements.unreadable)
        notes.append(f"{_files(count)} cannot be read and {_are(count)} left out, e.g. {first}: {reason}.")
    samples = list(measurements.data.samples)
    sets = [members for members in measurements.copies if len(members) > 1]
    keys = [f"group:{s.group}" if s.group is not None else f"id:{s.id}" for s in samples]
    if sets:
        notes += _copy_notes(samples, sets)
    inferred = measurements.inferred_groups
    if inferred is not None:
        together = sum(g is not None for g in inferred.groups)
        number = len(set(inferred.groups) - {None})
        notes.append(
            f"{together} images seem to come in {number} groups of one subject or moment (by {inferred.source}): "
            "no group is both learned from and scored."
        )
        keys = [key if g is None else f"group:{g}" for key, g in zip(keys, inferred.groups, strict=True)]
    tied = _groups(keys, sets)
    named = replace(data, samples=tuple(replace(s, group=g) for s, g in zip(samples, tied, strict=True)))
    kept, leaks = _without_leaks(named)
    if leaks:
        notes.append(f"{_files(leaks)} for training {_have(leaks)} a copy among the test images: left out of training.")
    return TiedData(kept, measurements, tuple(notes))


def _copy_notes(samples: Sequence[Sample], sets: Sequence[tuple[int, ...]]) -> list[str]:
    copies = sum(len(members) - 1 for members in sets)
    first = " = ".join(samples[i].id for i in sets[0][:2])
    what = "is a copy of another" if copies == 1 else "are copies of others"
    notes = [f"{_files(copies)} {what}, e.g. {first}: copies stay together."]
    several = [members for members in sets if len({samples[i].label for i in members} - {None}) > 1]
    if several:
        first = " = ".join(samples[i].id for i in several[0][:2])
        notes.append(
            f"{len(several)} of these pictures {_are(len(several))} in two classes, e.g. {first}: one is wrong."
        )
    return notes


def _groups(keys: Sequence[str], sets: Sequence[tuple[int, ...]]) -> list[str | None]:
    """The group of each sample: samples of one key, or of one set of copies, are in one; None: alone."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(key, i), i) for i, key in enumerate(keys)]
    pairs += [(members[0], i) for members in sets for i in members[1:]]
    groups: list[str | None] = [None] * len(keys)
    for members in connected_sets(pairs):
        name = min(keys[i] for i in members)
        for i in members:
            groups[i] = None if len(members) == 1 and name.startswith("id:") else name.partition(":")[2]
    return groups


def _without_leaks(data: Dataset) -> tuple[Dataset, int]:
    """The data without training images of a group that has test images, and their number."""
    tested = {s.group for s in data.samples if s.split == "test"} - {None}
    kept = [s for s in data.samples if s.split == "test" or s.group is None or s.group not in tested]
    return replace(data, samples=tuple(kept)), len(data) - len(kept)


def _files(n: int) -> str:
    return "1 image" if n == 1 else f"{n} images"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _have(n: int) -> str:
    return "has" if n == 1 else "have"
