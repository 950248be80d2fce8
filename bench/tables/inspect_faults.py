"""True and false positives of `handful inspect` on faults planted in real images.

Thresholds were chosen by seeds 100 and up; measured are seeds 0 and up. Images are drawn anew for each seed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from bench.support import data as sets
from bench.support.options import Options
from bench.support.planting import KINDS, films, in_memory, with_borders, with_copies, with_wrong_labels
from bench.support.record import append
from handful.core.dataset import Dataset
from handful.data.readers.embedded import read_embedded
from handful.inspection import quick_check
from handful.inspection.findings import group_leaks, label_errors
from handful.inspection.measurements import Measurements, measure_images
from handful.training.image_features import features

IMAGES, COPIES, FILMS = 1000, 15, 60
STRENGTHS = (("solid", 1.0), ("faint", 0.25))


@dataclass
class Tally:
    """Found and possible of one fault over seeds, false alarms, and in how many images or sets these could be."""

    found: int = 0
    planted: int = 0
    false: int = 0
    clean: int = 0

    def add(self, found: int, planted: int, false: int, clean: int) -> None:
        """Count one more seed."""
        self.found += found
        self.planted += planted
        self.false += false
        self.clean += clean


def run(options: Options) -> None:
    """Recall and false alarms; a line per data set and fault goes to bench/results/inspect-faults.jsonl."""
    torch.set_num_threads(max(1, options.jobs))
    loaders: dict[str, Callable[[], Dataset]] = {"mnist5k": partial(read_embedded, "mnist5k")}
    if options.data is not None:
        folder = options.folder()
        loaders["cifar10"] = partial(sets.cifar10, folder)
        loaders["cells"] = partial(sets.cells, folder)
        loaders["mini_imagenet_ten"] = partial(sets.mini_imagenet_ten, folder)
    seeds = range(1 if options.quick else options.draws)
    print(f"{'data':<18} {'fault':<22} {'recall':>14}   false alarms")
    for name, load in loaders.items():
        whole = load()
        tallies: dict[str, Tally] = {}
        for seed in seeds:
            measure(whole, seed, tallies, quick=options.quick)
        for fault, t in tallies.items():
            recall = f"{t.found:5d} of {t.planted:<5d}" if t.planted else "-"
            print(f"{name:<18} {fault:<22} {recall:>14}   {t.false} in {t.clean}", flush=True)
            line = {"data": name, "fault": fault, **vars(t), "seeds": list(seeds)}
            append("inspect-faults", line, quick=options.quick)


def measure(whole: Dataset, seed: int, tallies: dict[str, Tally], *, quick: bool = False) -> None:
    """Plant every fault once and add up what is found."""
    rng = np.random.default_rng(seed)
    images, copies, count = (120, 2, 12) if quick else (IMAGES, COPIES, FILMS)
    base = in_memory(whole, images, rng)

    def tally(fault: str) -> Tally:
        return tallies.setdefault(fault, Tally())

    doubled, planted = with_copies(base, copies, rng)
    measurements = measure_images(doubled, features=features)
    together = {(i, j) for own in measurements.copies for i in own for j in own if i < j}
    wanted = {pair for pairs in planted.values() for pair in pairs}
    for kind in KINDS:
        tally(f"copy, {kind}").add(len(together & set(planted[kind])), len(planted[kind]), 0, 0)
    tally("copy, any").add(len(together & wanted), len(wanted), len(together - wanted), len(base))

    assert measurements.features is not None
    kept = np.arange(len(base))
    swapped, wrong = with_wrong_labels(base, rng)
    statistics = measure_images(base).statistics
    suspects = _suspects(Measurements(swapped, statistics, features=measurements.features[kept]))
    clean = _suspects(Measurements(base, statistics, features=measurements.features[kept]))
    tally("wrong label").add(len(suspects & wrong), len(wrong), len(suspects - wrong), len(base) - len(wrong))
    tally("wrong label, none there").add(0, 0, len(clean), len(base))

    for alike in (True, False):
        film = films(base, count, rng, alike=alike)
        found = group_leaks.find(measure_images(film, features=features))
        guessed = int(any(f.kind == "group guessed" for f in found))
        tally("groups in names").add(guessed if alike else 0, int(alike), 0 if alike else guessed, int(not alike))

    plain = _shortcuts(base)
    for name, strength in STRENGTHS:
        hit = _shortcuts(with_borders(base, strength, rng))
        tally(f"border, {name}").add(int("border color" in hit), 1, int("border color" in plain), 1)


def _suspects(measurements: Measurements) -> set[str]:
    found = [f for f in label_errors.find(measurements) if f.kind == "label suspects"]
    return {i for f in found for i in f.ids}


def _shortcuts(data: Dataset) -> set[str]:
    """Names of the detectors that are warned of."""
    found = quick_check.quick_findings(data, measure_images(data).statistics)
    return {str(f.numbers["name"]) for f in found if f.kind == "shortcut" and f.severity == "warning"}
