from dataclasses import replace
from pathlib import Path

import pytest

from handful.comparison.auto import RecipeSelection, select_recipe
from handful.comparison.candidates import FEW
from handful.core.dataset import Dataset
from handful.errors import ProtocolError
from handful.evaluation import job
from handful.recipes.write import to_toml
from tests.support.comparisons import Clock, searched
from tests.support.datasets import squares
from tests.support.trainers import LrTrainer


@pytest.fixture(autouse=True)
def _little_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "time", Clock(tmp_path / "calls"))


def picked(folder: Path, *, data: Dataset | None = None, seconds: float = 2.4) -> RecipeSelection:
    """Pick between a tiny recipe and its controls; only the tiny one has a learning rate the fake trainer likes."""
    folder.mkdir(exist_ok=True)
    mine = folder / "mine.toml"
    mine.write_text(
        to_toml(searched("mine", "lr=0.09", search="[search]\nlr = { low = 0.001, high = 1.0, log = true }"))
    )
    return select_recipe(
        data or squares(6),
        folder / "comparison",
        seconds=seconds,
        recipes=[mine],
        device="cpu",
        progress=False,
        trainer=LrTrainer(folder / "calls"),
    )


def test_the_best_in_cross_validation_is_picked_with_its_reason(tmp_path: Path) -> None:
    found = picked(tmp_path)
    assert found.outcome is not None
    assert {i for call in LrTrainer(tmp_path / "calls").calls for i in call[3:]} == set(squares(6).ids)
    best = found.outcome.levels[0].best
    assert found.recipe.name == best.recipe
    assert found.why == found.outcome.answer
    assert {e.recipe for e in found.outcome.levels[0].entries} == {"mine", "classification-wrn", "logistic-pixels"}
    table = found.card["table"]
    assert table[0]["recipe"] == best.recipe
    assert all(row["low"] <= row["accuracy"] <= row["high"] for row in table)
    assert "not a score to report" in found.card["scored_on"]
    assert (tmp_path / "comparison" / "comparison.json").exists()
    calls = LrTrainer(tmp_path / "calls").calls
    again = picked(tmp_path)
    assert LrTrainer(tmp_path / "calls").calls == calls
    assert again.recipe == found.recipe


def test_a_recipe_whose_turn_comes_too_late_is_left_out(tmp_path: Path) -> None:
    found = picked(tmp_path, seconds=0.7)
    assert found.outcome is not None
    late = [c for c in found.outcome.candidates if not c.taken]
    assert [c.recipe for c in late] == ["mine"]
    assert all("budget" in c.why for c in late)
    assert found.outcome.levels[0].entries


@pytest.mark.parametrize(("per_class", "says"), [(1, "one image"), (2, "fewer than three")])
def test_with_few_images_a_recipe_is_taken_and_why_is_said(tmp_path: Path, per_class: int, says: str) -> None:
    found = picked(tmp_path, data=squares(per_class))
    assert found.recipe.name == FEW
    assert says in found.why
    assert found.card["table"] == []
    assert not (tmp_path / "comparison").exists()
    grouped = squares(4)
    samples = tuple(replace(s, group=str(s.label)) for s in grouped.samples)
    assert picked(tmp_path, data=replace(grouped, samples=samples)).recipe.name == FEW


def test_no_time_is_no_budget(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="budget"):
        picked(tmp_path, seconds=0)
