"""`handful predict` into a folder of parts, killed 100 times with SIGKILL: no image may be lost or doubled.

Each trial is one run of a new process, killed at a random moment between its start and its end; every fourth run of the
archive is let end, checked and begun anew. An archive of tar shards, 2,000 small pictures, parts of 100.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from bench.jobs import images, recipe
from bench.options import Options
from bench.record import append
from bench.speed_predict import shards
from handful.export.to_onnx import export_onnx
from handful.train import train

TRIALS, EACH = 100, 4  # kills in all, and between two fresh starts
COMMAND = "from handful.cli import main; main()"


def run(options: Options) -> None:
    """Kill, let end, count."""
    trials, number = (4, 200) if options.quick else (TRIALS, 2_000)
    chance = random.Random(0)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wish = recipe(head="linear", depth=10, width=1, batch=20, steps=2, precision="fp32")
        export_onnx(train(wish, images(per_class=4, side=64), device="cpu", progress=False), folder / "model.onnx")
        shards(folder / "archive", number, side=(64, 64), per_shard=500)
        words = ("predict", str(folder / "model.onnx"), str(folder / "archive"), "-o", str(folder / "out"))
        command = [sys.executable, "-c", COMMAND, *words, "--part-size", "100", "--json"]
        whole = _seconds(command)
        first = _ids(folder / "out")
        while found["killed"] < trials:
            shutil.rmtree(folder / "out")
            for _ in range(EACH):
                parts = _kill(command, chance.uniform(0, whole), folder / "out")
                found["killed"] += 1
                found["killed before the first part was there"] += parts == 0
            said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            ids = _ids(folder / "out")
            found["checked"] += 1
            found["images kept over a kill"] += said["images"] - said["done_now"]
            found["lost"] += len(set(first) - set(ids))
            found["doubled"] += len(ids) - len(set(ids))
            found["in another order"] += ids != first
            print(f"\r{found['killed']} of {trials} kills", end="", file=sys.stderr, flush=True)
    counts = {key: found[key] for key in sorted(found)}
    print("", file=sys.stderr)
    for key, value in counts.items():
        print(f"{key:<42} {value:>7,}")
    append("kill-predict", {"images": number, "counts": counts}, quick=options.quick)


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - start


def _kill(command: list[str], after: float, out: Path) -> int:
    """Parts that are there when a run is killed after so many seconds."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(after)
        os.kill(process.pid, signal.SIGKILL)
    return len(list(out.glob("part-*"))) if out.exists() else 0


def _ids(out: Path) -> list[str]:
    return [i for file in sorted(out.glob("part-*")) for i in pq.read_table(file, columns=["id"])["id"].to_pylist()]
