import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from bench.gpu.__main__ import collect, main
from bench.gpu.runner import run_trial
from bench.gpu.trial import Row, Trial
from bench.support import record

from handful.core.dataset import Dataset
from handful.evaluation.evaluate import Protocol
from tests.support.datasets import squares

SMALL = ("backbone.depth=10", "backbone.width=1", "steps=2", "batch_size=4")
BASE = "classification-wrn"


def made_up(*rows: Row) -> Trial:
    def load(folder: Path) -> Dataset:
        return squares(8)

    def listed(folder: Path) -> Sequence[Row]:
        return rows

    return Trial("made-up", "a test", (), load, listed)


def row(name: str, *changes: str, draws: tuple[int, ...] = (0,)) -> Row:
    return Row(name, BASE, Protocol(draws, per_class=2, score_on="rest"), (*SMALL, *changes))


def lines(folder: Path, kind: str = "") -> list[dict[str, object]]:
    path = folder / f"gpu-made-up{kind}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[int, int]]:
    def call(trial: Trial, out: str = "out", earlier: str = "none", minutes: float = 5.0) -> tuple[int, int]:
        log = tmp_path / earlier / "gpu-made-up.jsonl"
        return run_trial(trial, tmp_path, tmp_path / out, earlier=log, processes=1, minutes=minutes, device="cpu")

    return call


def test_draws_take_turns_so_that_what_time_allows_compares_all_rows(
    run: Callable[..., tuple[int, int]], tmp_path: Path
) -> None:
    assert run(made_up(row("a", draws=(0, 1)), row("b", "lr=0.01", draws=(0, 1)))) == (4, 0)
    assert [(line["draw"], line["name"]) for line in lines(tmp_path / "out")] == [
        (0, "a"),
        (0, "b"),
        (1, "a"),
        (1, "b"),
    ]


def test_a_later_borrowing_runs_what_no_line_has(run: Callable[..., tuple[int, int]]) -> None:
    assert run(made_up(row("a")), "first") == (1, 0)
    assert run(made_up(row("a"), row("b", "lr=0.01")), "second", earlier="first") == (1, 0)
    assert run(made_up(row("a", "lr=0.02")), "third", earlier="first") == (1, 0)  # another recipe of that name


def test_no_run_starts_when_time_is_up(run: Callable[..., tuple[int, int]]) -> None:
    assert run(made_up(row("a", draws=(0, 1))), minutes=0.0) == (0, 2)


def test_how_each_training_went_is_a_line(run: Callable[..., tuple[int, int]], tmp_path: Path) -> None:
    run(made_up(row("a")))
    (curve,) = lines(tmp_path / "out", "-curves")
    assert curve["steps"] == 2
    assert len(curve["losses"]) == 2  # type: ignore[arg-type]
    assert 0 <= curve["right_in_training"] <= 1  # type: ignore[operator]
    (line,) = lines(tmp_path / "out")
    assert curve["recipe"] == line["recipe"]
    assert line["trainer"] == "handful.train.train"


def test_a_run_that_does_not_train_is_a_line_of_its_own_and_the_others_go_on(
    run: Callable[..., tuple[int, int]], tmp_path: Path
) -> None:
    no_norm = ('backbone.norm="none"', 'head.norm="none"', 'posthoc=[{name="precise_batch_norm"}]')
    trial = made_up(row("fails", *no_norm), row("a"))
    assert run(trial) == (1, 1)
    (failed,) = lines(tmp_path / "out", "-failed")
    assert failed["name"] == "fails"
    assert run(trial) == (0, 1)


def test_lines_that_came_back_are_added_once_and_a_cut_one_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.gpu.__main__.RESULTS", tmp_path / "results")
    (tmp_path / "results").mkdir()
    came = tmp_path / "gpu-made-up.jsonl"
    came.write_text('{"draw": 0}\n{"draw": 1}\n{"dra')
    collect(made_up(), tmp_path)
    collect(made_up(), tmp_path)
    assert (tmp_path / "results" / came.name).read_text() == '{"draw": 0}\n{"draw": 1}\n'


def test_the_command_lists_the_trials_and_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "cvs-mnist" in capsys.readouterr().out
    assert main(["pack", "cvs-mnst", "--data", str(record.RESULTS)]) == 2
    assert "did you mean 'cvs-mnist'" in capsys.readouterr().err
