from pathlib import Path

import pytest

from handful.recipes.write import to_toml
from tests.support.command_line import fails, ok, ok_json, write_images
from tests.support.datasets import recipe, squares
from tests.support.word_vector_files import write_text_vectors

COLOURS = {"blue": (1.0, 0.0), "green": (0.9, 0.2), "red": (0.0, 1.0)}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hierarchy")
    write_images(squares(2), folder / "images")
    write_text_vectors(folder / "glove.txt", COLOURS)
    (folder / "linear.toml").write_text(to_toml(recipe("linear", "name=linear", "steps=2")))
    (folder / "tree.yaml").write_text("cold: [blue, green]\nred:\n")
    return folder


def words(inputs: Path) -> tuple[object, ...]:
    return ("--set", "hierarchy.source=words", "--set", f"hierarchy.path={inputs / 'glove.txt'}")


def test_prints_the_tree_of_word_vectors_within_sixty_columns(inputs: Path) -> None:
    text = ok("hierarchy", inputs / "images", *words(inputs))
    assert text.splitlines() == ["red + blue + green", "├ red", "└ blue + green", "3 classes, 2 joins, by embeddings."]


def test_json_holds_the_whole_tree(inputs: Path) -> None:
    said = ok_json(
        "hierarchy", inputs / "images", "--source", "nested_yaml", "-s", f"hierarchy.path={inputs / 'tree.yaml'}"
    )
    assert said == {
        "source": "nested_yaml",
        "classes": ["blue", "green", "red"],
        "parents": [4, 4, 3, -1, 3],
        "names": ["blue", "green", "red", "all", "cold"],
        "out": None,
    }


def test_a_recipe_brings_its_own_tree_and_trains_for_it(inputs: Path) -> None:
    command = ("hierarchy", inputs / "images", "-r", inputs / "linear.toml")
    assert "this recipe has no hierarchy" in fails(*command)
    said = ok_json(*command, "--source", "classifier_weights")
    assert said["parents"].count(-1) == 1
    assert len(said["names"]) == 5


def test_draws_and_never_overwrites_unasked(inputs: Path, tmp_path: Path) -> None:
    command = ("hierarchy", inputs / "images", *words(inputs), "--out", tmp_path / "tree.png")
    assert "Figure:" in ok(*command)
    before = (tmp_path / "tree.png").read_bytes()
    assert "--overwrite" in fails(*command)
    assert (tmp_path / "tree.png").read_bytes() == before
    ok(*command, "--overwrite")
    assert "PNG or SVG" in fails(*command[:-1], tmp_path / "tree.pdf")


def test_mistakes_are_one_clear_error(inputs: Path) -> None:
    assert "did you mean 'embeddings'" in fails("hierarchy", inputs / "images", "--source", "embedings")
    text = fails("hierarchy", inputs / "images", "--source", "nested_yaml")
    assert "option 'path' is missing" in text
