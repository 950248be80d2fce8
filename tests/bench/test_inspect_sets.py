import json
from pathlib import Path

import numpy as np
import pytest
from bench.support import record
from bench.support.options import Options
from bench.tables import inspect_sets

from handful.core.dataset import Dataset, Sample


def _few(_: Path) -> Dataset:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (3, 16, 16), dtype=np.uint8) for _ in range(4)]
    samples = [Sample(f"i{n}", image, label=n % 2) for n, image in enumerate([*images, images[0]])]
    return Dataset(tuple(samples), ("cat", "dog"))


def test_a_set_is_looked_at_once_for_each_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inspect_sets, "SETS", {"few": _few})
    monkeypatch.setattr(inspect_sets, "RESULTS", tmp_path)
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    log = tmp_path / "inspect-sets.jsonl"
    for known, looked in (("one", True), ("one", False), ("two", True)):
        monkeypatch.setattr(inspect_sets, "commit", lambda known=known: known)
        monkeypatch.setattr(record, "commit", lambda known=known: known)
        inspect_sets.run(Options(data=tmp_path))
        assert ("few: 5 images of 2 classes" in capsys.readouterr().out) is looked
        (line,) = [json.loads(text) for text in log.read_text().splitlines()]
        assert line["commit"] == known
    assert line["images"] == 5
    assert any("i0 = i4" in f["finding"] for f in line["findings"])
