from dataclasses import replace
from pathlib import Path

import pytest

from handful.errors import RecipeError
from handful.recipes.checks import check
from handful.recipes.load import from_toml, load_recipe, recipe_names
from handful.recipes.read import recipe_text
from handful.recipes.write import fingerprint, to_toml
from tests.support.datasets import RECIPE, recipe


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_loads_says_what_it_is_and_survives_the_way_to_text(name: str) -> None:
    found = load_recipe(name)
    assert from_toml(to_toml(found), where=name) == found
    assert {"paper", "command", "expected", "time"} <= set(found.about), f"{name} lacks part of its heading"
    assert name in found.about["command"]


def test_overrides_reach_every_level() -> None:
    found = recipe(
        "segmentation", "batch_size=4", "head.pool=foreground", "stages.0.optimizer.lr=0.2", "augment.0.std=0.3"
    )
    assert found.batch_size == 4
    assert found.head.options["pool"] == "foreground"
    assert found.stages[0].optimizer.lr == 0.2
    assert found.augment[0].options["std"] == 0.3
    assert recipe("linear", "epochs=3").stages[0].steps is None
    assert recipe("linear", "lr=0.5").stages[0].optimizer.lr == 0.5
    assert recipe("linear", "image_size=32").image_size == (32, 32)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("batchsize=4", "did you mean 'batch_size'"),
        ("head.name=segmentaton", "did you mean 'segmentation'"),
        ("backbone.dept=10", "did you mean 'depth'"),
        ("stages.0.losses=[]", "needs a loss"),
        ("steps=0", "at least 1"),
        ("batch_size=1", "at least 2"),
        ("batch_size=many", "cannot be 'many'"),
        ("lr=-1", "must be positive"),
        ("ema=2", "between 0 and 1"),
        ("resize=squish", "did you mean 'squash'"),
        ("stages.4.steps=3", "no item '4'"),
        ("image_size=[3]", "give \\[h, w\\]"),
        ("nonsense", "is not an override"),
        ("stages.0.optimizer.name=sdg", "did you mean 'sgd'"),
        ('augment=[{name="noise",start=0.9,stop=0.1}]', "start < stop"),
    ],
)
def test_a_wrong_override_is_one_clear_error(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe("linear", override)


def test_unknown_recipe_file_and_text(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean 'cvs-wrn'"):
        load_recipe("cvs-wrm")
    with pytest.raises(RecipeError, match="no such file"):
        load_recipe(tmp_path / "mine.toml")
    with pytest.raises(RecipeError, match="not TOML"):
        from_toml("a = ", where="x")
    with pytest.raises(RecipeError, match=r"\[head\] is missing"):
        from_toml('[backbone]\nname = "wide_resnet"', where="x")
    (tmp_path / "mine.toml").write_text(RECIPE.replace("{head}", "linear").replace("{losses}", '"cross_entropy"'))
    assert load_recipe(tmp_path / "mine.toml").name == "mine"


@pytest.mark.parametrize("name", ["cutmix", "mixup"])
def test_mixing_and_kept_maps_exclude_each_other(name: str) -> None:
    mixing = f'augment=["flip", "{name}"]'
    assert recipe("linear", mixing).augment[1].name == name
    with pytest.raises(RecipeError, match=f"(?s)augment/{name} cannot be combined with cache_views.*cache_views = 0"):
        recipe("linear", mixing, "cache_views=2")


def test_a_recipe_without_stages_is_refused() -> None:
    with pytest.raises(RecipeError, match="needs a stage"):
        check(replace(recipe(), stages=()))


def test_fingerprint_follows_what_decides_training_only() -> None:
    base = recipe()
    assert fingerprint(base) == fingerprint(replace(base, name="other", about={"paper": "x"}))
    assert fingerprint(base) != fingerprint(recipe("segmentation", "lr=0.051"))


def test_a_recipe_without_a_hierarchy_is_as_it_was_before_there_were_any() -> None:
    assert fingerprint(recipe()) == "6adfb0f73215"
    assert "hierarchy" not in to_toml(recipe())


@pytest.mark.parametrize("name", [name for name in recipe_names() if name.startswith("paper-")])
def test_a_recipe_of_a_paper_states_its_guesses(name: str) -> None:
    header = recipe_text(name).split("[about]")[0]
    assert "# Guesses" in header
