"""A recipe may be written as another one and what it changes."""

from dataclasses import replace
from pathlib import Path

import pytest

from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError
from handful.recipes.load import from_toml, load_recipe
from handful.recipes.write import fingerprint, to_toml

BASE = load_recipe("classification")


def extended(text: str, *, base: str = "classification") -> Recipe:
    return from_toml(f'extends = "{base}"\n{text}', where="mine")


def test_alone_it_is_the_base_under_another_name() -> None:
    found = extended("")
    assert found == replace(BASE, name="mine", about={})
    assert fingerprint(found) == fingerprint(BASE)
    assert "extends" not in to_toml(found)


def test_tables_are_laid_over_key_by_key() -> None:
    found = extended("batch_size = 8\n[backbone]\nfreeze = 2\n[head]\ndropout = 0.5\n[about]\nwhat = 'x'")
    assert found.backbone == replace(BASE.backbone, options={"freeze": 2})
    assert found.head.options == {"norm": "none", "dropout": 0.5}
    assert found.about == {"what": "x"}
    assert replace(found, backbone=BASE.backbone, head=BASE.head, name=BASE.name, about=BASE.about) == replace(
        BASE, batch_size=8
    )


def test_another_part_takes_the_place_of_the_bases_with_its_options() -> None:
    assert extended('[head]\nname = "cosine"').head == Part("cosine")
    assert extended('[head]\nname = "linear"').head == BASE.head


def test_a_list_takes_the_lists_place() -> None:
    assert extended('augment = ["flip"]\n[search]\nlr = [0.003, 0.01]').augment == (Part("flip"),)


def test_stages_are_laid_over_by_position_and_further_ones_over_the_last() -> None:
    found = extended(
        'search = {}\n[[stages]]\ntrainable = ["head"]\n[stages.optimizer]\nlr = 0.1\n[[stages]]\nepochs = 3'
    )
    (stage,) = BASE.stages
    first, second = found.stages
    assert first == replace(stage, trainable=("head",), optimizer=replace(stage.optimizer, lr=0.1))
    assert second == replace(stage, steps=None, epochs=3)


def test_a_search_takes_the_place_of_the_bases() -> None:
    assert extended("").search == BASE.search
    assert set(extended("[search]\nsteps = [200, 300]").search) == {"steps"}


def test_overrides_reach_what_was_inherited() -> None:
    found = from_toml('extends = "classification"', where="mine", overrides=["stages.0.optimizer.lr=0.5"])
    assert found.stages[0].optimizer.lr == 0.5


def test_files_extend_files_beside_them_and_so_on(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.toml").write_text('extends = "deep/b.toml"\nbatch_size = 8')
    (tmp_path / "deep" / "b.toml").write_text('name = "called b"\nextends = "c.toml"\nbatch_size = 4\nema = 0.9')
    (tmp_path / "deep" / "c.toml").write_text('extends = "classification"\nema = 0.5\nprecision = "fp32"')
    found = load_recipe(tmp_path / "a.toml")
    assert found.name == "a"
    assert (found.batch_size, found.ema, found.precision) == (8, 0.9, "fp32")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = "classification-lite"', "(?s)mine: extends: unknown recipe.*did you mean 'classification'"),
        ('extends = "none.toml"', "(?s)extends: no such file.*check the path"),
        ('extends = ["a", "b"]', "extends must name one recipe"),
        ('extends = "classification"\nbatchsize = 3', "did you mean 'batch_size'"),
        ('extends = "classification"\n[[stages]]\nstep = 3', "did you mean 'steps'"),
    ],
)
def test_a_wrong_base_is_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        from_toml(text, where="mine")


def test_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('extends = "b.toml"')
    (tmp_path / "b.toml").write_text('extends = "a.toml"')
    with pytest.raises(RecipeError, match=r"(?s)extend each other.*a\.toml extends .*b\.toml extends .*a\.toml"):
        load_recipe(tmp_path / "a.toml")
