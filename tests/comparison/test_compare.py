import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handful.comparison.result import ComparisonResult
from handful.comparison.text import format_comparison
from handful.core.dataset import Dataset
from handful.errors import OutputError, ProtocolError, RecipeError, TrainingError
from handful.evaluation import job
from handful.evaluation.evaluate import Protocol
from handful.evaluation.results_log import read_results
from tests.support.comparisons import Clock, compared, data, searched, without_time
from tests.support.datasets import squares
from tests.support.trainers import LrTrainer


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[ComparisonResult, list[list[str]], Path]:
    """A comparison that nothing stopped, its calls and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    trainer = LrTrainer(folder / "calls")
    return compared(folder / "out", trainer), trainer.calls, folder / "out"


def test_the_best_settings_are_found_inside_each_draw(whole: tuple[ComparisonResult, list[list[str]], Path]) -> None:
    outcome, calls, _ = whole
    test = set(data().split("test").ids)
    drawn = {r.draw: set(r.train_ids) for result in outcome.results for r in result.runs}
    for call in calls:
        ids = set(call[3:])
        assert not ids & test
        assert ids <= drawn[int(call[2])]
    scored = [call for call in calls if len(call) == 3 + 18]
    assert Counter((c[0], c[2]) for c in scored) == Counter(
        {(n, str(d)): 1 for n in ("control", "method") for d in (0, 1)}
    )
    for study in outcome.studies:
        assert study.trials == 3
        assert study.own_score is not None
        assert study.score is not None
        assert study.score >= study.own_score
        used = next(c for c in scored if (c[0], c[2]) == (study.recipe, str(study.draw)))
        assert float(used[1]) == study.values.get("lr", 0.002)
    assert any(s.values for s in outcome.studies)


def test_every_recipe_has_the_same_number_of_trials(whole: tuple[ComparisonResult, list[list[str]], Path]) -> None:
    outcome, _, _ = whole
    assert {s.trials for s in outcome.studies} == {3}
    assert len(outcome.studies) == 4
    assert outcome.budget.trials == 3


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


@pytest.mark.parametrize("width", [60, 100])
def test_the_text_fits_and_opens_with_the_answer(
    whole: tuple[ComparisonResult, list[list[str]], Path], width: int
) -> None:
    text = format_comparison(whole[0], width=width)
    assert max(map(len, text.splitlines())) <= width
    assert " ".join(text.split()).startswith(whole[0].answer)
    for word in ("not sep", "Holm", "worst", "3 trials per draw", "in control: requested", "label min"):
        assert word in " ".join(text.split())


@pytest.mark.parametrize("after", [1, 13])
def test_a_stopped_comparison_goes_on_with_nothing_done_twice(
    whole: tuple[ComparisonResult, list[list[str]], Path], tmp_path: Path, after: int
) -> None:
    log = tmp_path / "calls"
    with pytest.raises(KeyboardInterrupt):
        compared(tmp_path / "out", LrTrainer(log, interrupts_after=after))
    assert len(LrTrainer(log).calls) == after
    outcome = compared(tmp_path / "out", LrTrainer(log))
    assert LrTrainer(log).calls == whole[1]
    assert without_time(outcome) == without_time(whole[0])
    again = compared(tmp_path / "out", LrTrainer(log))
    assert LrTrainer(log).calls == whole[1]
    assert again.answer == outcome.answer


SCRIPT = """
import sys
from pathlib import Path
from tests.support.comparisons import compared
from tests.support.trainers import LrTrainer
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    dies = int(sys.argv[2]) if len(sys.argv) > 2 else None
    compared(folder / "out", LrTrainer(folder / "calls", dies_after=dies))
"""


@pytest.mark.slow
def test_a_killed_comparison_goes_on_with_nothing_done_twice(
    whole: tuple[ComparisonResult, list[list[str]], Path], tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    killed = subprocess.run([*command, "11"], env=environment, capture_output=True, timeout=300)
    assert killed.returncode == -9, killed.stderr.decode()
    outcome = compared(tmp_path / "out", LrTrainer(tmp_path / "calls"))
    assert LrTrainer(tmp_path / "calls").calls == whole[1]
    assert without_time(outcome) == without_time(whole[0])


@pytest.mark.slow
def test_two_processes_find_what_one_does(
    whole: tuple[ComparisonResult, list[list[str]], Path], tmp_path: Path
) -> None:
    outcome = compared(tmp_path / "out", LrTrainer(tmp_path / "calls"), jobs=2)
    assert sorted(LrTrainer(tmp_path / "calls").calls) == sorted(whole[1])
    assert without_time(outcome) == without_time(whole[0])


@pytest.mark.slow
def test_a_share_of_time_is_kept_to_and_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "time", Clock(tmp_path / "calls"))
    outcome = compared(tmp_path / "out", LrTrainer(tmp_path / "calls"), trials=None, seconds=3.0, draws=1)
    assert outcome.budget.share == pytest.approx(1.5)
    for study in outcome.studies:
        assert study.trials >= 4
        assert 1.2 <= study.seconds <= 1.5 + 1e-9
    assert "2 s of training per draw" in " ".join(format_comparison(outcome, width=60).split())


def test_a_share_too_small_for_two_trials_is_not_wasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "time", Clock(tmp_path / "calls"))
    trainer = LrTrainer(tmp_path / "calls")
    outcome = compared(tmp_path / "out", trainer, trials=None, seconds=3.0, draws=3)
    assert [s.values for s in outcome.studies] == [{}] * 6
    assert all("no room for a second trial" in s.why for s in outcome.studies)
    assert [s.trials for s in outcome.studies] == [1, 1, 0, 0, 0, 0]  # the first draw speaks for the others
    assert len(trainer.calls) == 8  # one fold each, then the scored runs
    assert any("Nothing was tuned" in note for note in outcome.notes)
    # six folds of a tenth of a second each, six studies in one process: 3.6 s, told in whole minutes
    assert "The budget was too small to tune control, method: --budget 1m would allow each a second trial." in (
        outcome.notes
    )


def test_one_image_per_class_is_not_tuned_and_that_is_said(tmp_path: Path) -> None:
    trainer = LrTrainer(tmp_path / "calls")
    outcome = compared(tmp_path / "out", trainer, per_class=(1, 2, 6), draws=2)
    few = [s for s in outcome.studies if s.per_class in (1, 2)]
    assert {s.trials for s in few} == {0}
    assert {s.why.partition("(")[2] for s in few} == {
        "a class with 1 image is too small to tune on)",
        "a class with 2 images is too small to tune on)",
    }
    assert [level.per_class for level in outcome.levels] == [1, 2, 6]
    assert "straight line" in outcome.levels[-1].outlook.says  # type: ignore[union-attr]


def test_hopeless_trials_are_given_up(tmp_path: Path) -> None:
    trainer = LrTrainer(tmp_path / "calls", best=0.002)
    outcome = compared(tmp_path / "out", trainer, trials=8, draws=1, names=("control",))
    (study,) = outcome.studies
    assert study.pruned > 0
    assert len([c for c in trainer.calls if len(c) < 3 + 18]) < 8 * 3
    assert study.values == {}
    assert "the recipe's settings" in study.why


def test_a_recipe_that_cannot_train_is_left_out_and_named(tmp_path: Path) -> None:
    outcome = compared(tmp_path / "out", LrTrainer(tmp_path / "calls", fails="method"))
    assert [e.recipe for e in outcome.levels[0].entries] == ["control"]
    (left,) = [c for c in outcome.candidates if not c.taken]
    assert left.recipe == "method"
    assert "cannot" in left.why
    assert any("method" in note for note in outcome.notes)
    with pytest.raises(TrainingError, match="no recipe could be trained"):
        compared(tmp_path / "none", LrTrainer(tmp_path / "calls", fails="control"), names=("control",))


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


def test_a_space_with_a_value_that_fits_no_recipe_is_refused_before_training(tmp_path: Path) -> None:
    bad = searched("bad", search="[search]\nlr = { low = -1.0, high = 1.0 }")
    from handful.comparison.search_space import check_spaces

    with pytest.raises(RecipeError, match="learning rate"):
        check_spaces(bad)


def test_a_test_image_moves_no_trial(whole: tuple[ComparisonResult, list[list[str]], Path], tmp_path: Path) -> None:
    samples = data()
    other = tuple(replace(s, label=((s.label or 0) + 1) % 3) if s.split == "test" else s for s in samples.samples)
    trainer = LrTrainer(tmp_path / "calls")
    outcome = compared(tmp_path / "out", trainer, samples=Dataset(other, samples.classes))
    assert trainer.calls == whole[1]
    assert [s.values for s in outcome.studies] == [s.values for s in whole[0].studies]
