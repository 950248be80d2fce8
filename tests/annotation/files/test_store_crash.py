import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlencode, urlparse

import numpy as np
import pytest
from PIL import Image as Picture

from handful.annotation.files.annotations import read_record
from handful.annotation.files.mask_patch import pack
from handful.annotation.files.store import AnnotationStore
from handful.core.dataset import Dataset, Sample
from handful.data.masks.attach import attach_masks
from tests.annotation import stroke_script


def _kill_at_random(folder: Path, first: int, rng: np.random.Generator, *, drawing_already: bool) -> int:
    """Let a process draw, kill it, and return how many strokes it had confirmed.

    `drawing_already`: not before it has confirmed a stroke of its own; else it may still be opening the folder.
    """
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        try:
            stroke_script.draw_strokes(folder, first, into)
        finally:
            os._exit(1)
    os.close(into)
    told = os.read(out, 4) if drawing_already else b""
    time.sleep(float(rng.uniform(0.0, 0.12)))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the writer ended by itself"
    while piece := os.read(out, 65536):
        told += piece
    os.close(out)
    assert len(told) % 4 == 0
    return int.from_bytes(told[-4:], "big") + 1 if told else first


def _strokes_kept(store: AnnotationStore, confirmed: int) -> int:
    """How many strokes there are: those that were confirmed, or one more, which was in progress."""
    empty = np.zeros(stroke_script.SIZE, dtype=bool)
    masks = {name: empty if (m := store.mask(name)) is None else m for name in stroke_script.IDS}
    kept, further = stroke_script.masks_after(confirmed), stroke_script.masks_after(confirmed + 1)
    same = all(np.array_equal(masks[n], kept[n]) for n in stroke_script.IDS)
    assert same or all(np.array_equal(masks[n], further[n]) for n in stroke_script.IDS)
    return confirmed if same else confirmed + 1


def _survives(folder: Path, *, kills: int, seed: int) -> int:
    rng = np.random.default_rng(seed)
    count = 0
    for number in range(kills):
        confirmed = _kill_at_random(folder, count, rng, drawing_already=number % 2 == 0)
        assert confirmed >= count
        seen = read_record(folder, stroke_script.IDS)
        with AnnotationStore(folder, stroke_script.IDS) as store:
            assert store.record == seen, "who only reads sees what the next writer sees"
            count = _strokes_kept(store, confirmed)
        assert not list(folder.rglob("*.part"))
    data = Dataset(
        tuple(Sample(n, np.zeros((3, *stroke_script.SIZE), np.uint8)) for n in stroke_script.IDS), ("cat", "dog")
    )
    if list((folder / "masks").rglob("*.png")):
        read = attach_masks(data, folder / "masks")
        for sample in read.samples:
            expected = stroke_script.masks_after(count)[sample.id]
            assert np.array_equal(expected, np.zeros_like(expected) if sample.mask is None else sample.mask)
    return count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_killed_writer_loses_at_most_the_stroke_in_progress(tmp_path: Path) -> None:
    assert _survives(tmp_path / "a", kills=5, seed=0) >= 3


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_hundred_kills(tmp_path: Path) -> None:
    assert _survives(tmp_path / "a", kills=100, seed=1) >= 50


def _strokes(address: str, first: int, confirmed: list[int]) -> None:
    """Draw over HTTP until the server is gone; the last item is the number of strokes that it has confirmed."""
    place = urlparse(address)
    link = http.client.HTTPConnection("127.0.0.1", place.port or 0, timeout=20)

    def ask(method: str, path: str, body: bytes | None = None) -> dict[str, object]:
        head = {"Content-Type": "application/octet-stream"} if body else {}
        link.request(method, f"{place.path}api/{path}", body, head)
        answer = link.getresponse()
        said: dict[str, object] = json.loads(answer.read())
        assert answer.status == 200, said
        return said

    try:
        rows = {r["id"]: r for r in ask("GET", "state")["images"]}  # type: ignore[attr-defined]
        base = {name: rows[name]["versions"]["mask"] for name in stroke_script.IDS}
        number = first
        while True:
            name, patch = stroke_script.make_stroke(number)
            h, w = patch.mask.shape
            told = {"x": patch.x, "y": patch.y, "w": w, "h": h, "base": base[name], "change": f"s{number}"}
            row = ask("POST", f"images/{rows[name]['key']}/stroke?{urlencode(told)}", pack(patch.mask))
            base[name] = row["versions"]["mask"]  # type: ignore[index]
            number += 1
            confirmed.append(number)
    except (ConnectionError, http.client.HTTPException, TimeoutError):
        return


@pytest.mark.slow
@pytest.mark.parametrize("kills", [int(os.environ.get("HANDFUL_KILLS", "5"))])
def test_a_killed_server_loses_at_most_the_stroke_in_progress(tmp_path: Path, kills: int) -> None:
    """The server itself, under strokes over HTTP; HANDFUL_KILLS=100 takes about ten minutes."""
    pytest.importorskip("fastapi")
    photos = tmp_path / "photos"
    for name in stroke_script.IDS:
        (photos / name).parent.mkdir(parents=True)
        Picture.fromarray(np.zeros((*stroke_script.SIZE, 3), np.uint8)).save(photos / name)
    folder, rng, count = tmp_path / "photos-annotations", np.random.default_rng(0), 0
    for _ in range(kills):
        command = [sys.executable, "-m", "handful", "annotate", str(photos), "--no-browser", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["address"]
            confirmed = [count]
            hand = threading.Thread(target=_strokes, args=(address, count, confirmed))
            hand.start()
            time.sleep(float(rng.uniform(0.0, 0.5)))
            process.kill()
            hand.join(30)
            assert process.wait() == -signal.SIGKILL
        with AnnotationStore(folder, stroke_script.IDS) as store:
            count = _strokes_kept(store, confirmed[-1])
    assert count > kills
