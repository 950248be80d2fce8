from dataclasses import replace
from typing import Any

import pytest

from handful.comparison.budget import StudyBudget, read_budget
from handful.comparison.search_space import check_spaces, decode, encode, search_fingerprint
from handful.errors import ProtocolError, RecipeError
from handful.recipes.load import from_toml, load_recipe, recipe_names, with_values
from handful.recipes.options import options_of
from handful.recipes.overrides import put, touches
from handful.recipes.write import fingerprint, to_toml
from tests.support.comparisons import searched

TUNED = [n for n in recipe_names() if load_recipe(n).search]


@pytest.mark.parametrize("name", TUNED)
def test_every_shipped_space_fits_its_recipe(name: str) -> None:
    recipe = load_recipe(name)
    check_spaces(recipe)
    assert 2 <= len(recipe.search) <= 8
    assert from_toml(to_toml(recipe), where=name) == recipe


def test_the_main_recipes_and_their_controls_have_a_space() -> None:
    kinds = ("classification", "cvs", "cvs-joint", "multitask", "soft-labels")
    assert {*kinds, *(f"{kind}-wrn" for kind in kinds)} | {
        "vipf-small",
        "classification-resnext-small",
    } <= set(TUNED)


@pytest.mark.parametrize("kind", ["cvs", "cvs-joint", "multitask", "soft-labels"])
def test_a_method_is_searched_as_its_control_is_and_no_less(kind: str) -> None:
    for size in ("", "-wrn"):
        method, control = load_recipe(f"{kind}{size}"), load_recipe(f"classification{size}")
        assert set(control.search) <= set(method.search)
        own = {path: options_of(r)["lr"] for r, path in ((method, "method"), (control, "control"))}
        for recipe, lr in zip((method, control), own.values(), strict=True):
            space = recipe.search["lr"]
            assert space["low"] <= lr <= space["high"]


def test_a_space_is_no_part_of_the_fingerprint_but_its_values_are() -> None:
    plain, recipe = searched("a", search=""), searched("a")
    assert plain.search == {}
    assert fingerprint(plain) == fingerprint(recipe)
    assert fingerprint(with_values(recipe, {"lr": 0.3})) != fingerprint(recipe)
    assert with_values(recipe, {"lr": 0.3, "steps": 6}).stages[0].optimizer.lr == 0.3
    assert with_values(recipe, {"lr": 0.3, "steps": 6}).stages[0].steps == 6


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ("learning = [1, 2]", "nothing"),
        ('"head.dropuot" = [0.0, 0.5]', "'head.dropout'"),
        ('"stages.1.optimizer.lr" = [0.002, 0.1]', "'stages.0.optimizer.lr'"),
        ("lr = [0.1, 0.2]", "its default 0.002 is not one of the choices"),
        ("lr = [0.002, 0.002]", "all different"),
        ("lr = { low = 0.1, high = 0.2 }", "not in the range"),
        ("lr = { low = 0.2, high = 0.001 }", "low below high"),
        ("lr = { low = 0.0, high = 0.1, log = true }", "above 0"),
        ("lr = { low = 0.001, hihg = 0.1 }", "not a search space"),
        ("lr = 0.1", "not a search space"),
        ("steps = { low = 1.5, high = 20.5 }", "whole numbers"),
    ],
)
def test_a_wrong_space_is_refused_with_what_would_be_right(space: str, says: str) -> None:
    expected = "unknown option" if says == "nothing" else says
    with pytest.raises(RecipeError, match=expected):
        searched("bad", search=f"[search]\n{space}")


def test_what_is_told_about_a_recipe_makes_no_other_search_but_its_space_does() -> None:
    recipe = searched("a")
    assert search_fingerprint(replace(recipe, about={"expected": "much"}, name="b")) == search_fingerprint(recipe)
    assert search_fingerprint(searched("a", "search.steps=[6, 12, 24]")) != search_fingerprint(recipe)
    assert search_fingerprint(from_toml(to_toml(recipe), where="a")) == search_fingerprint(recipe)


def test_what_is_set_by_hand_is_not_searched() -> None:
    assert set(searched("a", "lr=0.5").search) == {"steps"}
    assert set(searched("a", "stages.0.optimizer.lr=0.5").search) == {"steps"}
    assert set(searched("a", "epochs=2").search) == {"lr"}
    assert set(searched("a", "head.dropout=0.5").search) == {"lr", "steps"}
    assert touches("augment", "augment.0.turn")
    assert touches("augment.0", "augment.0.turn")
    assert not touches("augment.1.turn", "augment.0.turn")
    assert not touches("batch_size", "lr")


def test_every_option_is_a_path_that_can_be_set() -> None:
    recipe = load_recipe("cvs")
    for path, own in options_of(recipe).items():
        if own is not None:
            assert with_values(recipe, {path: list(own) if isinstance(own, tuple) else own}) is not None


def test_a_list_among_the_choices_survives_the_storage() -> None:
    space: list[Any] = [[0.25, 1.0], [0.5, 1.0]]
    assert isinstance(encode(space[0]), str)
    assert [decode(encode(c), space) for c in space] == space
    assert decode(0.3, {"low": 0, "high": 1}) == 0.3


def test_put_sets_every_stage() -> None:
    tree: dict[str, Any] = {"stages": [{"epochs": 3}, {"steps": 4}]}
    put(tree, ["steps"], 7)
    put(tree, ["lr"], 0.5)
    assert tree == {"stages": [{"steps": 7, "optimizer": {"lr": 0.5}}] * 2}


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5 min", 90), (None, 1800)])
def test_a_budget_is_a_time(text: str | None, seconds: float) -> None:
    assert read_budget(text, None) == StudyBudget(seconds=seconds)


@pytest.mark.parametrize(
    ("budget", "trials", "says"),
    [
        ("30", None, "not a duration"),
        ("soon", None, "not a duration"),
        ("0s", None, "positive"),
        (None, 0, "positive"),
        ("30m", 4, "either"),
    ],
)
def test_what_is_no_budget_is_refused(budget: str | None, trials: int | None, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        read_budget(budget, trials)
