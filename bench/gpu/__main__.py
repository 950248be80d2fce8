"""`python -m bench.gpu [pack | run | collect] TRIAL`: see bench/gpu/README.md."""

import argparse
import json
import os
import sys
import zipfile
from pathlib import Path

from bench.gpu.carry import carried, pack, unpack
from bench.gpu.runner import run_trial
from bench.gpu.trial import Trial, names, trial
from bench.support.options import ENVIRONMENT, Options
from bench.support.record import RESULTS
from handful.errors import HandfulError

PART = 15 * 2**20  # bytes of a file that comes back
PARTS = 5


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 when it is done, 2 after an error of the user's."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description="Trials for a lent graphics card.")
    commands = parser.add_subparsers(dest="command")
    packing = commands.add_parser("pack", help="write the file that travels with a trial")
    packing.add_argument("trial")
    packing.add_argument("--data", type=Path, help=f"folder of the real data sets (or ${ENVIRONMENT})")
    running = commands.add_parser("run", help="run what is left of a trial")
    running.add_argument("trial")
    running.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "gpu-out")), help="default: $OUT")
    running.add_argument("--processes", type=int, default=7, help="runs at a time (default: 7)")
    running.add_argument("--minutes", type=float, default=7.0, help="time after which no run starts (default: 7)")
    running.add_argument("--tiny", action="store_true", help="each row once, small and one step, to see that it runs")
    collecting = commands.add_parser("collect", help="add the lines that came back to bench/results")
    collecting.add_argument("trial")
    collecting.add_argument("folder", type=Path)
    given = parser.parse_args(arguments)
    try:
        if given.command is None:
            print("\n".join(f"{name:22}{trial(name).what}" for name in names()))
        elif given.command == "pack":
            _pack(trial(given.trial), given.data)
        elif given.command == "run":
            _run(trial(given.trial), given)
        else:
            collect(trial(given.trial), given.folder)
    except HandfulError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def log_of(wanted: Trial) -> Path:
    """The collected lines of a trial."""
    return RESULTS / f"gpu-{wanted.name}.jsonl"


def _pack(wanted: Trial, data: Path | None) -> None:
    named = data or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    path = pack(wanted, Options(named).folder())
    print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")


def _run(wanted: Trial, given: argparse.Namespace) -> None:
    folder = unpack(carried(wanted))
    made, left = run_trial(
        wanted,
        folder,
        given.out,
        earlier=log_of(wanted),
        processes=given.processes,
        minutes=given.minutes,
        tiny=given.tiny,
    )
    _archive(given.out / "predictions")
    print(f"{made} runs made, {left} left")


def collect(wanted: Trial, folder: Path) -> None:
    """Add the lines that came back, each run once."""
    for name in (log_of(wanted).name, f"{log_of(wanted).stem}-curves.jsonl"):
        came, log = folder / name, RESULTS / name
        if not came.is_file():
            continue
        known = set(log.read_text(encoding="utf-8").splitlines()) if log.exists() else set()
        fresh = [line for line in _whole(came) if line not in known]
        with log.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in fresh)
        print(f"{log}: {len(fresh)} lines more")


def _whole(path: Path) -> list[str]:
    """The lines of a file, without one that was cut short when time ran out."""
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        json.loads(lines[-1] if lines else "{}")
    except ValueError:
        lines = lines[:-1]
    return lines


def _archive(predictions: Path) -> None:
    """Per-image predictions in a few files of a size that comes back; those beyond it are left."""
    files = sorted(predictions.glob("*")) if predictions.is_dir() else []
    part, size = 0, PART
    for file in files:
        if size + file.stat().st_size > PART:
            part, size = part + 1, 0
        if part > PARTS:
            break
        with zipfile.ZipFile(predictions.parent / f"predictions-{part}.zip", "a") as archive:
            archive.write(file, file.name)
        size += file.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
