"""`handful run` as a new user meets it: processor seconds to its first words, of decoding, and of a whole run.

The first words, and the doubts after one pass over the files, against the imports that follow them. Decoding for the
folds of three recipes with images in memory against decoding for each anew. A whole run with an empty cache of
features against one with a full cache; both do the same: one repeat, no network.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from handful.data.image_cache import cache_images
from handful.data.in_memory import load_tensors
from handful.data.load import load_data
from handful.data.splits import folds

FOUND = """
import os, sys, time
from handful.automl.run import run

def stop(text):
    print(time.process_time(), flush=True)
    os._exit(0)

run(sys.argv[1], sys.argv[2], overwrite=True, progress=False, on_message=stop)
"""

LOOKED = """
import os, sys, time
from handful.automl.run import run

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(time.process_time(), flush=True)
            os._exit(0)

sys.meta_path.insert(0, Stop())
run(sys.argv[1], sys.argv[2], overwrite=True, progress=False)
"""

IMPORTS = """
import time
import accelerate, sklearn.linear_model, timm, torch
print(time.process_time())
"""

WHOLE = """
import math, sys, time
from handful.automl import candidate_runner, select_and_train
from handful.automl.run import run

candidate_runner.WORTHWHILE, select_and_train.REPEATS = math.inf, 1
run(sys.argv[1], sys.argv[2], seconds=36000.0, overwrite=True, device="cpu", progress=False)
print(time.process_time())
"""

FOLDS, SIZES = 5, ((224, 224), (32, 32), (160, 160))


def run(options: Options) -> None:
    """New processes with one thread each, on JPEG photographs of 640 x 480 pixels."""
    per_class, repeats = (8, 1) if options.quick else (40, 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_photographs(folder / "images", per_class)
        words = (str(folder / "images"), str(folder / "out"))
        shared: dict[str, Any] = {"quick": options.quick, "images": 4 * per_class, "threads": 1, "clock": "processor"}
        first = {
            "found": partial(_printed, FOUND, words, "off"),
            "looked": partial(_printed, LOOKED, words, "off"),
            "imports": partial(_printed, IMPORTS, (), "off"),
        }
        costs = take_turns(first, repeats=repeats)
        ratios = {
            "what was found / imports that follow": ratio(costs, "found", "imports"),
            "what is doubtful / imports that follow": ratio(costs, "looked", "imports"),
        }
        report("run: first words", ratios, costs, **shared)
        decode = partial(_decode, folder / "images")
        decoding = {"anew": partial(decode, once=False), "once": partial(decode, once=True)}
        costs = take_turns(decoding, repeats=repeats)
        ratios = {"decoding for each fold / once": ratio(costs, "anew", "once")}
        report("run: decoding", ratios, costs, folds=FOLDS, sizes=len(SIZES), **shared)
        cold = partial(_cold, words, folder)
        warm = partial(_printed, WHOLE, words, str(folder / "cache"))
        costs = take_turns({"cold": cold, "warm": warm, "imports": first["imports"]}, repeats=repeats)
        ratios = {
            "whole run, features computed / kept": ratio(costs, "cold", "warm"),
            "whole run, features kept / imports": ratio(costs, "warm", "imports"),
        }
        report("run: whole", ratios, costs, **shared)


def _write_photographs(folder: Path, per_class: int) -> None:
    """Smooth noise with a color for each class."""
    rng = np.random.default_rng(0)
    for label in range(4):
        (folder / f"class{label}").mkdir(parents=True)
        for i in range(per_class):
            coarse = rng.integers(0, 200, (12, 16, 3), dtype=np.uint8)
            coarse[..., label % 3] += np.uint8(40 if label < 3 else 0)
            picture = Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)
            picture.save(folder / f"class{label}" / f"{i}.jpg", quality=90)


def _decode(folder: Path, *, once: bool) -> float:
    """Load the training and the held-out images of each fold at each size."""
    pairs = folds(load_data(folder), FOLDS, 0)
    start = time.process_time()
    with cache_images((size, "squash") for size in SIZES) if once else nullcontext():
        for size in SIZES:
            for pair in pairs:
                for part in pair:
                    load_tensors(part, size=size)
    return time.process_time() - start


def _cold(words: tuple[str, ...], folder: Path) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as empty:
        return _printed(WHOLE, words, empty)


def _printed(script: str, words: tuple[str, ...], cache: str) -> float:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HANDFUL_CACHE": cache}
    command = (sys.executable, "-c", script, *words)
    called = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(called.stdout.split()[-1])
