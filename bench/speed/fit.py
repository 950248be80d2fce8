"""`handful fit --recipe logistic` from a cold process to a saved model, against an earlier commit: 50 and 1,000 images.

`HANDFUL_BEFORE` names the folder `src` of a checkout of that commit. Features are computed anew each time. "first" also
exports the extractor to onnxruntime, as the first images on a machine do; "later" finds the export in the cache.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from bench.support.measure import Times, ratio, report, take_turns
from bench.support.options import Options
from handful.errors import DataError

VARIABLE, RECIPE = "HANDFUL_BEFORE", "logistic-lite0"  # a name that both commits know
SIZES = {50: 3, 1000: 1}  # images, and rounds


def run(options: Options) -> None:
    """Processor seconds of new processes with one thread each; PNG files of 32 x 32 pixels, ten classes.

    Raises:
        DataError: no earlier commit is named.
    """
    before = Path(os.environ.get(VARIABLE, "-"))
    if not (before / "handful").is_dir():
        raise DataError(f"{VARIABLE} names no sources", where="bench speed-fit", remedy="name src/ of a checkout.")
    now = Path(__file__).parents[2] / "src"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_images(folder / "other", 300, seed=1)
        _fit(now, folder / "other", folder / "model", folder / "exported")
        for count, repeats in SIZES.items():
            images = folder / f"images{count}"
            _write_images(images, count, seed=0)
            arms = {
                "before": partial(_seconds, before, images, folder, None),
                "first": partial(_seconds, now, images, folder, None),
                "later": partial(_seconds, now, images, folder, folder / "exported"),
            }
            if options.quick and count > min(SIZES):
                continue
            costs: Times = take_turns(arms, repeats=repeats, warm=False)
            ratios = {f"before / {arm}": ratio(costs, "before", arm) for arm in ("first", "later")}
            report("fit: whole process", ratios, costs, quick=options.quick, images=count, threads=1, clock="processor")


def _write_images(folder: Path, count: int, *, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for i in range(count):
        path = folder / f"class{i % 10}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)


def _fit(sources: Path, images: Path, model: Path, cache: Path) -> None:
    command = (sys.executable, "-m", "handful", "fit", str(images), "-r", RECIPE, "--overwrite", "--out", str(model))
    changes = {"OMP_NUM_THREADS": "1", "HANDFUL_CACHE": str(cache), "PYTHONPATH": str(sources)}
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **changes})


def _seconds(sources: Path, images: Path, folder: Path, exported: Path | None) -> float:
    """Of a process whose cache holds nothing, or a copy of `exported`."""
    cache = folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    if exported is not None:
        shutil.copytree(exported, cache)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _fit(sources, images, folder / "model", cache)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
