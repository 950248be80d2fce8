"""Fuzzing of the readers with 2,000 damaged files: no process dies or stalls, and all errors are handful's.

Files of every format that is read (images, arrays, tables, archives, annotations, a recipe, a card, an exported model)
are damaged with a fixed seed, and read in processes whose memory is limited to 1 GB beside what an idle one has.
"""

import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from bench.support.damaging import damage, picture, seeds
from bench.support.options import Options
from handful.errors import HandfulError

TRIALS = 2000
BYTES, SECONDS = 2**30, 60
TEXT = (".json", ".toml", "csv", "tsv")


def run(options: Options) -> None:
    """Damage, read and count."""
    from bench.support.record import append  # imports PyTorch, which the reading processes do not need

    rows = outcomes(100 if options.quick else TRIALS)
    for kind in sorted({row[0] for row in rows}):
        mine = [row for row in rows if row[0] == kind]
        counts = dict(Counter(row[1].split(":")[0] for row in mine))
        slowest = max(row[2] for row in mine)
        peak = max(row[3] for row in mine)
        print(f"{kind:<14} {len(mine):>5}  {counts}  slowest {slowest:.1f} s, peak {peak:.0f} MB")
        facts = {"kind": kind, "inputs": len(mine), "slowest": round(slowest, 2), "peak_mb": round(peak)}
        append("fuzz-readers", {**facts, "outcomes": counts}, quick=options.quick)
    for row in rows:
        if row[1] not in ("ours", "read"):
            print(row, file=sys.stderr)


def outcomes(trials: int) -> list[tuple[str, str, float, float]]:
    """Kind, outcome ("read", "ours", "foreign: ...", "died" or "stalled"), seconds and peak MB of each damaged file."""
    rows: list[tuple[str, str, float, float]] = []
    context = multiprocessing.get_context("spawn")
    while len(rows) < trials:
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, len(rows), trials))
        process.start()
        theirs.close()
        try:
            while len(rows) < trials:
                if not ours.poll(2 * SECONDS + 60):
                    raise EOFError
                rows.append(ours.recv())
        except EOFError:
            process.kill()
            rows.append((_kind(len(rows)), "died", 0.0, 0.0))
        process.join()
    return rows


def _kind(number: int) -> str:
    names = sorted(seeds())
    return names[number % len(names)]


def _inputs(first: int, last: int) -> Iterator[tuple[str, bytes]]:
    intact = seeds()
    for number in range(first, last):
        kind = _kind(number)
        content, chance = intact[kind], random.Random(number)
        for _ in range(chance.choice((1, 1, 2))):
            content = damage(content, chance, text=kind.endswith(TEXT)) if content else content
        yield kind, content


def _work(pipe: Connection, first: int, last: int) -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for i, name in enumerate(("a/0.png", "b/1.png")):
            (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "images" / name).write_bytes(picture("png", i))
        _read("csv", folder / "none.csv", folder)  # imports
        pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (pages + BYTES, pages + BYTES))
        signal.signal(signal.SIGALRM, _stalled)
        for kind, content in _inputs(first, last):
            path = folder / f"images/file.{kind}" if kind in ("csv", "tsv", "parquet") else folder / f"file.{kind}"
            path.write_bytes(content)
            start = time.perf_counter()
            signal.alarm(SECONDS)
            outcome = _read(kind, path, folder)
            signal.alarm(0)
            path.unlink()
            pipe.send((kind, outcome, time.perf_counter() - start, _peak()))


def _peak() -> float:
    """Peak memory of this process in MB; `ru_maxrss` would begin with what the process that started it had."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def _stalled(*_: object) -> None:
    raise TimeoutError


def _read(kind: str, path: Path, folder: Path) -> str:
    """What came of reading a file."""
    try:
        _open(kind, path, folder)
    except HandfulError:
        return "ours"
    except TimeoutError:
        return "stalled"
    except Exception as error:
        return f"foreign: {type(error).__name__}: {error}"[:200]
    return "read"


def _open(kind: str, path: Path, folder: Path) -> None:
    from handful.core.parsing import read_json
    from handful.data.images import pixels, read_image
    from handful.data.load import load_data
    from handful.errors import ModelError
    from handful.models.onnx_file import read_onnx_file
    from handful.models.stored_values import card
    from handful.recipes.read import read_recipe, recipe_text

    if kind == "recipe.toml":
        read_recipe(recipe_text(str(path)), where=str(path))
    elif kind == "card.json":
        try:
            card(read_json(path, finite=False))
        except ValueError as error:  # as saving.model_files has it, without importing PyTorch
            raise ModelError(str(error)) from error
    elif kind == "onnx":
        read_onnx_file(path)
    elif kind.endswith(".json"):
        load_data(folder / "images", masks=path)
    elif kind in ("csv", "tsv", "parquet", "npz", "zip", "tar"):
        for sample in load_data(path).samples:
            pixels(sample)
    else:
        read_image(path)
