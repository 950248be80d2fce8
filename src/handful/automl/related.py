"""Related images tied into groups before anything is scored: copies, and images of one subject or burst.

An image whose copy is trained on is recognized, not classified. Copies, exact and near (`inspection.near_duplicates`),
and groups inferred from names or EXIF times (`inspection.group_inference`) become groups, which no fold divides.
Training images with a copy in the test part are left out. Files that cannot be read are left out, too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handful.core.dataset import Dataset, Image, Sample
from handful.data.image_cache import working_image
from handful.inspection.measurements import Measurements
from handful.inspection.near_duplicates import connected_sets
from handful.recipes.inspection import SIDE
from handful.training.image_features import features

MOST = 3000  # images that pass the network; among more, only exact copies and very near ones are found


@dataclass(frozen=True, eq=False)
class TiedData:
    """The data with related images in groups, what was measured of its images, and what was done, in sentences."""

    data: Dataset
    measurements: Measurements
    notes: tuple[str, ...]


def tie_related(
    data: Dataset,
    measurements: Measurements,
    *,
    device: str = "cpu",
    advance: Callable[[], None] = lambda: None,
) -> TiedData:
    """Tie copies and inferred groups.

    Args:
        data: the samples.
        measurements: of them, without features.
        device: torch device of the embedded backbone, which computes the features.
        advance: called before each image passes it.
    """
    readable = measurements.data.samples
    if readable and len(data) <= MOST:
        vectors = list(features(_small_images(readable, advance), device=device))
        measurements = replace(measurements, features=np.concatenate(vectors))
    notes = []
    if measurements.unreadable:
        first, reason = measurements.unreadable[0]
        count = len(measurements.unreadable)
        notes.append(f"{_files(count)} cannot be read and {_are(count)} left out, e.g. {first}: {reason}.")
    samples = list(measurements.data.samples)
    sets = [members for members in measurements.copies if len(members) > 1]
    keys = [f"group:{s.group}" if s.group is not None else f"id:{s.id}" for s in samples]
    if sets:
        notes += _copy_notes(samples, sets, measurements.statistics.hashes)
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


def _small_images(samples: Sequence[Sample], advance: Callable[[], None]) -> Iterator[Image]:
    for sample in samples:
        advance()
        yield working_image(sample, (SIDE, SIDE), "squash").image


def _copy_notes(samples: Sequence[Sample], sets: Sequence[tuple[int, ...]], hashes: Sequence[str]) -> list[str]:
    """Sentences about copies: exact ones, of equal pixels, and near ones, which may be two photos of one thing."""
    exact = [members for members in sets if len({hashes[i] for i in members}) == 1]
    near = [members for members in sets if len({hashes[i] for i in members}) > 1]
    notes = []
    if exact:
        text = "is an exact copy of another" if _extra(exact) == 1 else "are exact copies of others"
        notes.append(f"{_files(_extra(exact))} {text}, e.g. {_example(samples, exact)}: copies stay together.")
    if near:
        text = "is nearly the same as another" if _extra(near) == 1 else "are nearly the same as others"
        notes.append(
            f"{_files(_extra(near))} {text}, e.g. {_example(samples, near)} (the same thing photographed again, or a "
            "picture saved anew): they stay together, so that none is both learned from and scored."
        )
    exact, near = ([m for m in kind if len({samples[i].label for i in m} - {None}) > 1] for kind in (exact, near))
    if exact:
        text = "exact copy is" if len(exact) == 1 else "exact copies are"
        notes.append(f"{len(exact)} {text} in two classes, e.g. {_example(samples, exact)}: one label must be wrong.")
    if near:
        text = "pair of near copies is" if len(near) == 1 else "pairs of near copies are"
        notes.append(
            f"{len(near)} {text} in two classes, e.g. {_example(samples, near)}: look at them, a label may be wrong."
        )
    return notes


def _extra(sets: Sequence[tuple[int, ...]]) -> int:
    """Number of images beside the first of each set."""
    return sum(len(members) - 1 for members in sets)


def _example(samples: Sequence[Sample], sets: Sequence[tuple[int, ...]]) -> str:
    """Two images of the first set, of two classes if it has any."""
    first, *others = sets[0]
    other = next((i for i in others if samples[i].label != samples[first].label), others[0])
    return f"{samples[first].id} = {samples[other].id}"


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
