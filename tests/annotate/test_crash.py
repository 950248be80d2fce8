import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from handful.annotate.record import read_record
from handful.annotate.store import Store
from handful.data.masks import attach_masks
from handful.samples import Dataset, Sample
from tests.annotate import drawing


def _kill_at_random(folder: Path, first: int, rng: np.random.Generator) -> int:
    """Let a process draw, kill it, and return how many strokes it had confirmed."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        try:
            drawing.draw(folder, first, into)
        finally:
            os._exit(1)
    os.close(into)
    time.sleep(float(rng.uniform(0.0, 0.12)))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the writer ended by itself"
    told = b""
    while piece := os.read(out, 65536):
        told += piece
    os.close(out)
    assert len(told) % 4 == 0
    return int.from_bytes(told[-4:], "big") + 1 if told else first


def _survives(folder: Path, *, kills: int, seed: int) -> int:
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(kills):
        confirmed = _kill_at_random(folder, count, rng)
        assert confirmed >= count
        seen = read_record(folder, drawing.IDS)
        with Store(folder, drawing.IDS) as store:
            empty = np.zeros(drawing.SIZE, dtype=bool)
            masks = {name: empty if (m := store.mask(name)) is None else m for name in drawing.IDS}
            assert store.record == seen, "who only reads sees what the next writer sees"
        kept, further = drawing.after(confirmed), drawing.after(confirmed + 1)
        same = all(np.array_equal(masks[n], kept[n]) for n in drawing.IDS)
        assert same or all(np.array_equal(masks[n], further[n]) for n in drawing.IDS)
        assert not list(folder.rglob("*.part"))
        count = confirmed if same else confirmed + 1
    data = Dataset(tuple(Sample(n, np.zeros((3, *drawing.SIZE), np.uint8)) for n in drawing.IDS), ("cat", "dog"))
    if list((folder / "masks").rglob("*.png")):
        read = attach_masks(data, folder / "masks")
        for sample in read.samples:
            expected = drawing.after(count)[sample.id]
            assert np.array_equal(expected, np.zeros_like(expected) if sample.mask is None else sample.mask)
    return count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_killed_writer_loses_at_most_the_stroke_in_progress(tmp_path: Path) -> None:
    assert _survives(tmp_path / "a", kills=5, seed=0) > 5


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_hundred_kills(tmp_path: Path) -> None:
    assert _survives(tmp_path / "a", kills=100, seed=1) > 100
