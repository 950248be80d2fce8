from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from handful.comparison.result import ComparisonResult
from handful.comparison.text import format_comparison
from handful.core.dataset import Dataset
from handful.evaluation import job
from tests.support.comparisons import Clock, compared, data
from tests.support.trainers import LrTrainer


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
    assert "The budget was too small to tune control, method: seconds=60 would allow each a second trial." in (
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


def test_a_test_image_moves_no_trial(whole: tuple[ComparisonResult, list[list[str]], Path], tmp_path: Path) -> None:
    samples = data()
    other = tuple(replace(s, label=((s.label or 0) + 1) % 3) if s.split == "test" else s for s in samples.samples)
    trainer = LrTrainer(tmp_path / "calls")
    outcome = compared(tmp_path / "out", trainer, samples=Dataset(other, samples.classes))
    assert trainer.calls == whole[1]
    assert [s.values for s in outcome.studies] == [s.values for s in whole[0].studies]
