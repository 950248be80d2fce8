"""Mask making: choice of the samples that get a mask, and removal of implausible masks."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from warnings import warn

import numpy as np

from handful.core.dataset import Dataset, Mask, Sample
from handful.core.text import listed
from handful.errors import HandfulWarning

Prepare = Callable[[Dataset], Dataset]


def sample_masks(data: Dataset, positions: Iterable[int], per_class: int, seed: int) -> tuple[int, ...]:
    """At most `per_class` of these positions from each class, at random, sorted; unlabelled samples never.

    The order of the samples does not matter, only their ids.
    """
    by_class: dict[int, list[int]] = {}
    for i in sorted(positions, key=lambda i: data.samples[i].id):
        for label in _classes(data.samples[i]):
            by_class.setdefault(label, []).append(i)
    sampled = (np.random.default_rng((seed, k)).permutation(members)[:per_class] for k, members in by_class.items())
    return tuple(sorted({int(i) for each in sampled for i in each}))


def _classes(sample: Sample) -> list[int]:
    """The classes that the sample is known to show."""
    if sample.target is not None:
        return [int(c) for c in np.flatnonzero(sample.target == 1)]
    return [] if sample.label is None else [sample.label]


def make_masks(
    data: Dataset, make: Callable[[Sample], Mask], *, source: str, which: Collection[int] | None, again: bool
) -> Dataset:
    """Masks from `make` for the samples at `which` (None: all) that have none, or for all of them if `again`.

    An empty or full mask says nothing: the sample stays without, and one warning counts and names these.
    """
    chosen = range(len(data)) if which is None else frozenset(which)
    samples, dropped = list(data.samples), []
    for i in chosen:
        sample = samples[i]
        if sample.mask is not None and not again:
            continue
        mask = make(sample)
        if mask.any() and not mask.all():
            samples[i] = replace(sample.without_mask(), mask=mask, mask_source=source)
        else:
            samples[i] = sample.without_mask()
            dropped.append(sample.id)
    if dropped:
        warn_dropped(sorted(dropped), source, "empty or full")
    return replace(data, samples=tuple(samples))


def warn_dropped(ids: Collection[str], source: str, why: str) -> None:
    """Say which samples stay without a mask."""
    masks = "mask was" if len(ids) == 1 else "masks were"
    warn(f"{source}: {len(ids)} {masks} {why} and left out: {listed(list(ids), 5)}", HandfulWarning, stacklevel=3)
