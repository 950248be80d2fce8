"""Planning a batch prediction over an archive compared with listing its files; memory and disk use of large plans."""

import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.speed.memory import PEAK
from bench.speed.predict import shards
from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from handful.deployment.batch.archive import find_archive
from handful.deployment.batch.plan import PLAN, identify_job, make_plan

PARTS = (1_000, 100_000)
OPEN = """
from pathlib import Path
from handful.deployment.batch.plan import read_plan
plan, _ = read_plan(Path(sys.argv[1]))
if len(sys.argv) > 2:
    missing = plan.missing_chunks()
    next(plan.locations(missing[len(missing) // 2 :]))
"""


def run(options: Options) -> None:
    """Tar shards, Parquet rows and a folder of files; then plans of 1,000 and of 100,000 parts."""
    number, repeats = (500, 1) if options.quick else (100_000, 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tars = shards(folder / "tars", number, side=(16, 16), per_shard=10_000)
        _listing("tar shards", tars, number, partial(_walk_tars, tars), folder, repeats, options.quick)
        files = _files(folder / "files", number)
        _listing("a folder of files", files, number, partial(_walk_files, files), folder, repeats, options.quick)
        _opening(folder, quick=options.quick)


def _listing(
    called: str, archive: Path, number: int, walk: Callable[[], None], folder: Path, repeats: int, quick: bool
) -> None:
    sizes: list[int] = []

    def plan() -> float:
        start = time.perf_counter()
        with TemporaryDirectory(dir=folder) as out:
            found = find_archive(str(archive))
            make_plan(Path(out), found, identify_job(found, task="predict", model="", chunk_size=4096, options={}))
            took = time.perf_counter() - start
            sizes.append((Path(out) / PLAN).stat().st_size)
        return took

    def bare() -> float:
        start = time.perf_counter()
        walk()
        return time.perf_counter() - start

    costs = take_turns({"plan": plan, "walk": bare}, repeats=repeats)
    facts = {"images": number, "bytes_per_image": round(sizes[-1] / number, 1), "clock": "wall"}
    report(f"plan: {called}", {"plan / walking the archive": ratio(costs, "plan", "walk")}, costs, quick=quick, **facts)


def _walk_tars(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        with tarfile.open(path, "r:") as tar:
            for _ in tar:
                pass


def _walk_files(folder: Path) -> None:
    for _, _, names in os.walk(folder):
        sorted(names)


def _files(folder: Path, number: int) -> Path:
    """Empty files, 1,000 to a folder: a plan lists names alone."""
    for i in range(number):
        own = folder / f"{i // 1_000:04d}"
        if i % 1_000 == 0:
            own.mkdir(parents=True)
        (own / f"{i:07d}.jpg").touch()
    return folder


def _opening(folder: Path, *, quick: bool) -> None:
    """Peak memory of a process that opens a plan and takes a part from its middle, over one that does not."""
    arms: dict[str, Callable[[], float]] = {}
    sizes: dict[str, int] = {}
    for parts in (10, 100) if quick else PARTS:
        own = folder / f"plan{parts}"
        own.mkdir()
        tar = shards(folder / f"tar{parts}", parts, side=(16, 16), per_shard=parts)
        found = find_archive(str(tar))
        plan = make_plan(own, found, identify_job(found, task="predict", model="", chunk_size=1, options={}))
        arms[f"{parts:,} parts"] = partial(_peak, str(plan.folder), "part")
        sizes[f"{parts:,} parts"] = (own / PLAN).stat().st_size
    few, many = arms
    arms["nothing"] = partial(_peak, str(folder / f"plan{PARTS[0] if not quick else 10}"))
    costs = take_turns(arms, repeats=1)
    facts = {"unit": "MiB", "bytes_per_part": round(sizes[many] / int(many.split()[0].replace(",", "")))}
    report("plan: parts", {f"peak, {many} / {few}": ratio(costs, many, few)}, costs, quick=quick, **facts)


def _peak(*words: str) -> float:
    found = subprocess.run((sys.executable, "-c", PEAK + OPEN, *words), capture_output=True, text=True, check=True)
    return float(found.stdout.splitlines()[-1])
