import json
from pathlib import Path
from typing import Any

import pytest

from handful.comparison.result import ComparisonResult
from handful.errors import OutputError, ProtocolError
from handful.evaluation.evaluate import Protocol
from handful.evaluation.results_log import read_results
from tests.support.comparisons import compared
from tests.support.datasets import squares
from tests.support.trainers import LrTrainer


def test_all_that_was_found_is_in_the_folder(whole: tuple[ComparisonResult, list[list[str]], Path]) -> None:
    outcome, _, folder = whole
    names = {"plan.json", "studies.db", "results.jsonl", "results-predictions", "comparison.json", "report.html"}
    assert {p.name for p in folder.iterdir()} == names
    values = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert values["format"] == 1
    assert values["answer"] == outcome.answer
    assert [e["recipe"] for e in values["levels"][0]["entries"]] == [e.recipe for e in outcome.levels[0].entries]
    assert values["studies"][0]["trials"] == 3
    assert sum(len(r.runs) for r in read_results(folder / "results.jsonl")) == 4


def test_folds_of_data_without_a_test_part(tmp_path: Path) -> None:
    outcome = compared(
        tmp_path / "out",
        LrTrainer(tmp_path / "calls"),
        samples=squares(9),
        per_class=(None,),
        protocol=Protocol((0,), folds=3),
        trials=2,
    )
    (level,) = outcome.levels
    assert level.design == "re-split"
    assert [len(r.runs) for r in level.results] == [3, 3]
    assert {(s.draw, s.fold) for s in outcome.studies} == {(0, 0), (0, 1), (0, 2)}


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"trials": 4}, "trials"),
        ({"draws": 3}, "draws"),
        ({"names": ("control", "other")}, "recipes"),
        ({"controls": False}, "controls"),
    ],
)
def test_another_comparison_is_not_mixed_in(
    whole: tuple[ComparisonResult, list[list[str]], Path], tmp_path: Path, change: dict[str, Any], differs: str
) -> None:
    before = (whole[2] / "comparison.json").read_text()
    with pytest.raises(OutputError, match=differs):
        compared(whole[2], LrTrainer(tmp_path / "calls"), **change)
    assert (whole[2] / "comparison.json").read_text() == before
    assert not (tmp_path / "calls").exists()


def test_overwrite_begins_anew_and_foreign_files_are_safe(tmp_path: Path) -> None:
    trainer = LrTrainer(tmp_path / "calls")
    compared(tmp_path / "out", trainer, trials=1, draws=1)
    compared(tmp_path / "out", trainer, trials=2, draws=1, overwrite=True)
    assert json.loads((tmp_path / "out" / "plan.json").read_text())["trials"] == 2
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"other files \(notes.txt\)"):
        compared(tmp_path / "out", trainer, trials=1, draws=1, overwrite=True)


@pytest.mark.parametrize("wrong", [{"trials": 0}, {"trials": None, "seconds": 0.0}, {"trials": 2, "seconds": 1.0}])
def test_a_budget_must_be_one(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="budget"):
        compared(tmp_path / "out", LrTrainer(tmp_path / "calls"), **wrong)
    assert not (tmp_path / "out").exists()
