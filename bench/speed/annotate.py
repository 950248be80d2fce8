"""Seconds on the page of `annotate` from the first drawn mask until the next image, and all, have a matched one."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from handful.core.dataset import Mask
from handful.data.images import read_image
from handful.models.frozen_maps import FrozenMaps
from handful.parts.prepare._matching import COARSE

SIDE, IMAGES, ROUNDS = 256, 300, 3
DRAWN = {"at once": 0.0, "after 6 s": 6.0, "after all vectors": None}  # when the mask is drawn


def run(options: Options) -> None:
    """JPEGs of 256 x 256 with a disc each, over the loopback, a new server each time, beside the backbone alone."""
    number = 40 if options.quick else IMAGES
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        masks = {name: _draw(photos / name, i) for i, name in enumerate(f"disc/{i:03d}.jpg" for i in range(number))}
        all_: dict[str, list[float]] = {name: [] for name in DRAWN}
        arms = {name: partial(_first, photos, masks, wait, all_[name]) for name, wait in DRAWN.items()}
        costs = take_turns(
            arms | {"backbone": partial(_backbone, photos)}, repeats=1 if options.quick else ROUNDS, warm=False
        )
    shown = costs | {f"all, {name}": seconds for name, seconds in all_.items()}
    report(
        "annotate: matched masks after the first drawn one",
        {f"{name} / backbone": ratio(shown, name, "backbone") for name in shown if name != "backbone"},
        shown,
        quick=options.quick,
        images=number,
        clock="wall",
        most={name: round(max(seconds), 2) for name, seconds in shown.items()},
    )
    for name, seconds in shown.items():
        print(f"  {name:<28} {np.median(seconds):6.2f} s   ({min(seconds):.2f} to {max(seconds):.2f})")


def _draw(path: Path, seed: int) -> Mask:
    """An image file of a disc on noise, and its mask."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    center, radius = rng.integers(90, 166, 2), rng.integers(40, 70)
    mask: Mask = np.hypot(x - center[0], y - center[1]) < radius
    image = rng.integers(150, 190, (SIDE, SIDE, 3), dtype=np.uint8)
    image[mask] = rng.integers(30, 90, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(image).save(path, quality=90)
    return mask


def _backbone(photos: Path) -> float:
    """Seconds of the backbone over all images, decoding included: nothing can be compared before."""
    maps = FrozenMaps()
    start = time.perf_counter()
    for path in sorted(photos.glob("*/*")):
        maps(read_image(path), COARSE)
    return time.perf_counter() - start


def _first(photos: Path, masks: dict[str, Mask], wait: float | None, until_all: list[float]) -> float:
    """Seconds from leaving the image with the first mask to the mask of the next; those to the last are appended."""
    with tempfile.TemporaryDirectory() as folder, _server(photos, Path(folder)) as ask:
        ids = {row["key"]: row["id"] for row in ask("state")["images"]}
        key = ask("next")["key"]
        ask("match/prepare", b"")
        if wait is None:
            while (ask("work")["matcher"] or {}).get("done") != len(ids):
                time.sleep(0.2)
            wait = 1.0  # the last vector is in
        time.sleep(wait)
        place = f"x=0&y=0&w={SIDE}&h={SIDE}&base=0&change=first"
        ask(f"images/{key}/stroke?{place}", np.packbits(masks[ids[key]]).tobytes())
        start = time.perf_counter()
        following = ask(f"next?after={key}")["key"]
        ask(f"match/drawn?image={following}", b"")
        while not ask(f"images/{following}")["proposal"]:
            time.sleep(0.05)
        ask(f"images/{following}/proposal")
        first = time.perf_counter() - start
        while ask("work")["matching"]:
            time.sleep(0.05)
        until_all.append(time.perf_counter() - start)
        proposed = sum(row["proposal"] for row in ask("state")["images"])
        print(f"  the next in {first:.2f} s, {proposed} of {len(ids) - 1} in {until_all[-1]:.2f} s", flush=True)
        return first


@contextmanager
def _server(photos: Path, folder: Path) -> Iterator[Any]:
    """Asks a running `handful annotate`, as its page does."""
    called = (
        sys.executable,
        "-m",
        "handful",
        "annotate",
        str(photos),
        "--folder",
        str(folder),
        "--no-browser",
        "--json",
    )
    with subprocess.Popen(called, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["address"]

            def ask(path: str, body: bytes | None = None) -> Any:
                kind = {"Content-Type": "application/octet-stream"}
                with urllib.request.urlopen(urllib.request.Request(f"{address}api/{path}", body, kind)) as answer:
                    content = answer.read()
                    return (
                        json.loads(content)
                        if answer.headers["Content-Type"].startswith("application/json")
                        else content
                    )

            yield ask
        finally:
            process.terminate()
            process.wait(60)
