"""Every trial runs: each of its rows in a small network, one step, on a processor."""

import json
from pathlib import Path

import numpy as np
import pytest
from bench.gpu.carry import pack, unpack
from bench.gpu.runner import run_trial, shrink
from bench.gpu.trial import names, trial
from bench.gpu.trials import vipf_best
from bench.tables.vipf_rates import DRAWS, RATES, RUNGS

from bench.gpu import carry
from handful.errors import DataError
from handful.models.text import ClassVectors
from tests.support.real_sets import write_real_sets


@pytest.fixture(scope="session")
def real_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_real_sets(tmp_path_factory.mktemp("sets"))


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Vectors of noise for the class names, no text encoder; and a log in which 0.01 is the best rate of every rung."""

    def class_vectors(classes: tuple[str, ...], text: object) -> ClassVectors:
        return ClassVectors(np.random.default_rng(0).normal(size=(len(classes), 8)).astype(np.float32), classes)

    monkeypatch.setattr(carry, "class_vectors", class_vectors)
    lines = [
        {"name": f"{name}, {rate:g}", "draw": draw, "accuracy": 0.5 - abs(rate - 0.01)}
        for name in RUNGS
        for rate in RATES
        for draw in DRAWS
    ]
    log = tmp_path / "rates.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    monkeypatch.setattr(vipf_best, "RATES_LOG", log)


@pytest.mark.parametrize("name", names())
def test_every_row_of_a_trial_trains_and_is_scored(name: str, real_sets: Path, tmp_path: Path) -> None:
    wanted = trial(name)
    folder = unpack(pack(wanted, real_sets, tmp_path / f"{name}.zip"))
    rows = shrink(wanted.rows(folder))
    made, left = run_trial(
        wanted, folder, tmp_path / "out", earlier=tmp_path / "none.jsonl", processes=1, device="cpu", tiny=True
    )
    assert left == 0
    assert made >= len(rows)
    assert not (tmp_path / "out" / f"gpu-{name}-failed.jsonl").exists()
    lines = [json.loads(line) for line in (tmp_path / "out" / f"gpu-{name}.jsonl").read_text().splitlines()]
    assert {line["name"] for line in lines} == {row.name for row in rows}
    assert all({"device", "precision", "machine", "accuracy"} <= line.keys() for line in lines)


def test_rows_of_a_trial_have_names_of_their_own(real_sets: Path, tmp_path: Path) -> None:
    for name in names():
        folder = unpack(pack(trial(name), real_sets, tmp_path / f"{name}.zip"))
        rows = [(r.name, r.protocol.per_class, r.protocol.long_tail) for r in trial(name).rows(folder)]
        assert len(set(rows)) == len(rows)


def test_the_best_rate_of_a_rung_has_been_scored_on_every_development_draw(tmp_path: Path) -> None:
    assert set(vipf_best.best_rates(vipf_best.RATES_LOG).values()) == {0.01}
    with pytest.raises(DataError, match=r"(?s)no rate of .* run the trial vipf-rates first"):
        vipf_best.best_rates(tmp_path / "none.jsonl")
