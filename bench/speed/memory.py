"""Peak memory of `handful predict` over 1,000 and 10,000 image files: it should not grow with their number."""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from bench.support.jobs import images, recipe
from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from handful.saving.classifier import save_classifier
from handful.training.train import train

# The high-water mark of the process itself; what getrusage tells of a child may be its parent's.
PEAK = """
import atexit, re, sys
def peak():
    with open("/proc/self/status") as f:
        print(int(re.search(r"VmHWM:\\s+(\\d+)", f.read())[1]) / 1024, file=sys.__stdout__)
atexit.register(peak)
"""
PREDICT = "from handful.cli import main; main()"
LOAD = (
    "from pathlib import Path; from handful.saving.classifier import load_classifier; "
    "load_classifier(Path(sys.argv[1]))"
)


def run(options: Options) -> None:
    """MiB, of a new process each time; JPEGs of 64 x 64 that are made on the spot."""
    sizes = (50, 500) if options.quick else (1_000, 10_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wish = recipe(head="linear", depth=10, width=1, batch=20, steps=2, precision="auto")
        save_classifier(train(wish, images(per_class=4, side=64), device="cpu", progress=False), folder / "model")
        rng = np.random.default_rng(0)
        for n in sizes:
            (folder / str(n) / "unknown").mkdir(parents=True)
            for i in range(n):
                pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
                Pillow.fromarray(pixels).save(folder / str(n) / "unknown" / f"{i:05d}.jpg")
        few, many = (f"{n:,} images" for n in sizes)
        model, out = folder / "model", folder / "out.csv"
        arms = {f"{n:,} images": partial(peak, model, folder / str(n), out) for n in sizes}
        arms["nothing"] = partial(peak, model, None, out)
        costs = take_turns(arms, repeats=1 if options.quick else 3)
    ratios = {f"peak of predict, {many} / {few}": ratio(costs, many, few)}
    net = {few: _less(costs[few], costs["nothing"]), many: _less(costs[many], costs["nothing"])}
    ratios["the same, less the model loaded and nothing predicted"] = ratio(net, many, few)
    report("memory", ratios, costs, quick=options.quick, unit="MiB")


def peak(model: Path, data: Path | None, out: Path) -> float:
    """MiB at most while predicting every image of `data`; None: while only loading the model."""
    if data is None:
        code, words = PEAK + LOAD, [str(model)]
    else:
        code, words = PEAK + PREDICT, ["predict", str(model), str(data), "-o", str(out), "--overwrite", "--device=cpu"]
    found = subprocess.run((sys.executable, "-c", code, *words), capture_output=True, text=True, check=True)
    return float(found.stdout.splitlines()[-1])


def _less(costs: list[float], base: list[float]) -> list[float]:
    return [a - b for a, b in zip(costs, base, strict=True)]
