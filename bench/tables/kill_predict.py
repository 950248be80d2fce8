"""Crash safety of `handful predict`: killed 100 times with SIGKILL, no image may be lost or duplicated.

Each trial is a run of a new process, killed while it starts or plans (one in four), or when a random number of the
parts that were missing is there; a run that ended before does not count. Every fourth kill is followed by a run that is
let end, checked and begun anew. An archive of tar shards, 2,000 small pictures, parts of 50.
"""

import json
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

from bench.speed.predict import shards
from bench.support.jobs import images, recipe
from bench.support.options import Options
from bench.support.record import append
from handful.deployment.export.to_onnx import export_onnx
from handful.training.train import train

TRIALS, EACH = 100, 4  # kills in all, and between two fresh starts
PART = 50
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
        command = [sys.executable, "-c", COMMAND, *words, "--chunk-size", str(PART), "--json"]
        whole = _seconds(command)
        first = _ids(folder / "out")
        while found["killed"] < trials:
            shutil.rmtree(folder / "out")
            hit = 0
            while hit < EACH and len(_parts(folder / "out")) < number // PART:
                early = chance.random() < 0.25
                killed, new = _kill(command, folder / "out", chance, early=chance.uniform(0, whole) if early else None)
                hit += killed
                found["killed"] += killed
                found["killed while it wrote"] += killed and new
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


def _kill(command: list[str], out: Path, chance: random.Random, *, early: float | None) -> tuple[bool, bool]:
    """Whether a run was killed before its end, and whether it had written parts.

    After `early` seconds, or when it has written a random number of parts and a moment more.
    """
    before = len(_parts(out))
    wanted = before + chance.randrange(1, 20)
    moment = chance.uniform(0, 0.02)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        start = time.perf_counter()
        while process.poll() is None:
            waited = time.perf_counter() - start
            if (waited > early) if early is not None else len(_parts(out)) >= wanted:
                break
            time.sleep(0.002)
        time.sleep(moment)
        alive = process.poll() is None
        process.send_signal(signal.SIGKILL)
    return alive, len(_parts(out)) > before


def _parts(out: Path) -> list[Path]:
    return sorted(out.glob("part-*")) if out.exists() else []


def _ids(out: Path) -> list[str]:
    return [i for file in _parts(out) for i in pq.read_table(file, columns=["id"])["id"].to_pylist()]
