"""Run time of `handful inspect` compared with decoding every image once plus one pass of its backbone."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from bench.support.measure import Times, ratio, report
from bench.support.options import Options
from handful.core.dataset import Dataset
from handful.data.images import pixels
from handful.data.readers.folder import read_folder
from handful.inspection.inspection import inspect
from handful.training.image_features import features

IMAGES, CLASSES, SIDE = 10_000, 10, 128


def run(options: Options) -> None:
    """Processor seconds on one thread; JPEGs of 128 x 128 in ten classes that are made on the spot."""
    torch.set_num_threads(1)
    n = 200 if options.quick else IMAGES
    with tempfile.TemporaryDirectory() as name:
        data = _write(Path(name), n)
        few = data.select(range(0, len(data), max(1, len(data) // 60)))
        arms: dict[str, Callable[[Dataset], object]] = {"inspect": inspect, "decode and backbone": _once}
        for arm in arms.values():
            _seconds(arm, few)  # imports and caches
        costs: Times = {key: [] for key in arms}
        for i in range(1 if options.quick else 2):
            for key in list(arms) if i % 2 == 0 else reversed(list(arms)):
                costs[key].append(_seconds(arms[key], data))
    ratios = {"inspect / decode once and one pass of the backbone": ratio(costs, "inspect", "decode and backbone")}
    report("inspect", ratios, costs, quick=options.quick, images=n, side=SIDE, threads=1, clock="processor")


def _seconds(work: Callable[[Dataset], object], data: Dataset) -> float:
    start = time.process_time()
    work(data)
    return time.process_time() - start


def _once(data: Dataset) -> None:
    for _ in features(pixels(s) for s in data.samples):
        pass


def _write(folder: Path, n: int) -> Dataset:
    """Smooth random pictures; those of a class share a tint."""
    rng = np.random.default_rng(0)
    for i in range(n):
        own = folder / f"class-{i % CLASSES}"
        own.mkdir(exist_ok=True)
        coarse = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8) // 2 + np.uint8(12 * (i % CLASSES))
        fine = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(own / f"{i:05d}.jpg"), fine)
    return read_folder(folder)
