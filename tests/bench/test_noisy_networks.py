"""What the rows share, and how the best of them is found."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from bench.support.options import Options
from bench.tables import noisy_networks as table

from handful.core.recipe import Recipe
from tests.support.datasets import squares


def test_methods_get_the_networks_and_the_search_of_the_control() -> None:
    control = list(table.grid(table.CONTROL))
    searched = {(r.stages[0].steps, r.stages[0].optimizer.weight_decay) for r in control}
    assert len(searched) == len(control) == len(table.DECAYS) * len(table.STEPS)
    for name in table.METHODS:
        rows = list(table.grid(name))
        assert {(r.stages[0].steps, r.stages[0].optimizer.weight_decay) for r in rows} == searched
        for recipe in rows:
            for field in ("augment", "batch_size", "backbone", "image_size", "precision"):
                assert getattr(recipe, field) == getattr(control[0], field), (name, field)
            stage, other = recipe.stages[0], control[0].stages[0]
            assert stage.optimizer.lr == other.optimizer.lr
            assert stage.schedule == other.schedule


def test_the_highest_accuracy_on_wrong_labels_decides_and_the_first_of_equal_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores: Iterator[float] = iter((0.3, 0.5, 0.5, 0.4))
    seen: list[Recipe] = []

    def score(recipe: Recipe, *_: object) -> float:
        seen.append(recipe)
        return next(scores)

    monkeypatch.setattr(table, "noisy_score", score)
    monkeypatch.setattr(table, "DECAYS", (1e-3, 1e-2))
    monkeypatch.setattr(table, "STEPS", (100, 400))
    assert table.best(table.CONTROL, table.WRONG, squares(4), Options()) == seen[1]


def test_rows_of_a_fixed_number_of_steps_are_searched_among_these_alone() -> None:
    some = list(table.grid(table.CONTROL, (400,)))
    assert [r.stages[0].steps for r in some] == [400] * len(table.DECAYS)


def test_it_is_scored_on_held_out_labels_that_are_as_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "PER_CLASS", 4)
    data = squares(30)
    data = replace(data, samples=tuple(replace(s, split="train") for s in data.samples))
    recipe = next(table.grid(table.CONTROL, quick=True))
    accuracy = table.noisy_score(recipe, table.RIGHT, data, Options(quick=True))
    assert 0 <= accuracy <= 1
