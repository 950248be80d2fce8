import json
from pathlib import Path

import pytest
from bench.__main__ import main
from bench.support import record
from bench.support.measure import Ratio, ratio, report, take_turns
from bench.support.options import Options, tables
from bench.tables.speed import PARTS

from handful.errors import DataError


def test_tables_are_the_files_that_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = capsys.readouterr().out.split()
    assert tuple(listed) == tables()
    assert {"speed", *PARTS} <= set(listed)
    assert not {"options", "record", "data"} & set(listed)


def test_an_unknown_table_is_one_error_that_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sped-loop"]) == 2
    error = capsys.readouterr().err
    assert "unknown table 'sped-loop'" in error
    assert "did you mean 'speed-loop'" in error
    assert "Traceback" not in error


def test_missing_data_is_one_error_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)no folder was named.*--data FOLDER or set HANDFUL_DATA"):
        Options().folder()
    with pytest.raises(DataError, match="no such folder"):
        Options(data=tmp_path / "gone").folder()
    assert Options(data=tmp_path).folder() == tmp_path


def test_arms_take_turns_after_one_round_that_does_not_count() -> None:
    calls: list[str] = []
    clock = iter(range(1, 100))

    def arm(name: str) -> float:
        calls.append(name)
        return float(next(clock))

    costs = take_turns({"a": lambda: arm("a"), "b": lambda: arm("b")}, repeats=2)
    assert calls == ["a", "b", "a", "b", "b", "a"]
    assert costs == {"a": [3.0, 6.0], "b": [4.0, 5.0]}


def test_ratios_are_paired_by_round() -> None:
    found = ratio({"a": [2.0, 6.0, 30.0], "b": [1.0, 2.0, 3.0]}, "a", "b")
    assert (found.median, found.least, found.most) == (3.0, 2.0, 10.0)


def test_a_result_is_one_line_with_commit_and_machine_and_a_quick_run_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    costs = {"a": [2.0], "b": [1.0]}
    report("part", {"a / b": Ratio(2, 2, 2)}, costs, quick=True)
    assert not (tmp_path / "results").exists()
    report("part", {"a / b": Ratio(2, 2, 2)}, costs, quick=False, threads=1)
    (line,) = (tmp_path / "results" / "speed.jsonl").read_text().splitlines()
    read = json.loads(line)
    assert read["ratios"] == {"a / b": [2, 2, 2]}
    assert read["threads"] == 1
    assert set(read["machine"]) == {"cores", "cpu_bf16", "gpu", "torch"}
    assert read["commit"]
