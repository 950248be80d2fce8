from pathlib import Path

import pytest

from tests.support.command_line import fails, ok, ok_json, write_images
from tests.support.datasets import squares
from tests.support.word_vector_files import write_text_vectors

COLOURS = {"blue": (1.0, 0.0), "cherry": (0.0, 2.0), "green": (3.0, 4.0), "red": (0.0, 1.0)}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    write_images(squares(2), folder / "images")
    write_text_vectors(folder / "glove.txt", COLOURS)
    (folder / "names.csv").write_text("red,cherry\n")
    return folder


def command(inputs: Path) -> tuple[object, ...]:
    return ("labels", inputs / "images", "--source", "words", "--path", inputs / "glove.txt")


def test_prints_the_closest_pairs_within_sixty_columns(inputs: Path) -> None:
    text = ok(*command(inputs), "--pairs", 2)
    assert [" ".join(line.split()) for line in text.splitlines()] == [
        "class class cosine",
        "green red 0.80",
        "blue green 0.60",
        "3 classes, 2 numbers each, by words: cosines from 0.00 to",
        "0.80, mean 0.47.",
    ]
    assert max(map(len, text.splitlines())) <= 60


def test_aliases_are_said(inputs: Path) -> None:
    text = ok(*command(inputs), "--aliases", inputs / "names.csv")
    assert text.splitlines()[-1] == "Read: red as cherry."
    inline = ok_json(*command(inputs), "-s", 'labels.aliases={red = "cherry"}')
    assert inline["read_as"] == ["blue", "green", "cherry"]


def test_json_holds_the_whole_matrix(inputs: Path) -> None:
    said = ok_json(*command(inputs))
    assert said == {
        "source": "words",
        "size": 2,
        "classes": ["blue", "green", "red"],
        "read_as": ["blue", "green", "red"],
        "cosines": [[1.0, 0.6, 0.0], [0.6, 1.0, 0.8], [0.0, 0.8, 1.0]],
        "out": None,
    }


def test_draws_and_never_overwrites_unasked(inputs: Path, tmp_path: Path) -> None:
    drawn = (*command(inputs), "--out", tmp_path / "labels.png")
    assert "Figure:" in ok(*drawn)
    before = (tmp_path / "labels.png").read_bytes()
    assert "--overwrite" in fails(*drawn)
    assert (tmp_path / "labels.png").read_bytes() == before
    ok(*drawn, "--overwrite")
    assert "PNG or SVG" in fails(*drawn[:-1], tmp_path / "labels.pdf")


def test_mistakes_are_one_clear_error(inputs: Path) -> None:
    assert "one-hot" in fails("labels", inputs / "images", "-r", "classification-wrn")
    assert "needs a path" in fails("labels", inputs / "images", "--source", "words")
    other = ("-s", 'labels={name="random_embeddings"}')
    assert "by chance" in ok("labels", inputs / "images", *other)


def test_predicts_classes_by_their_names(inputs: Path, tmp_path: Path) -> None:
    words = f'labels={{name="word_embeddings", source="words", path="{inputs / "glove.txt"}"}}'
    small = ("-s", "steps=2", "-s", "backbone.depth=10", "-s", "backbone.width=1")
    model = tmp_path / "model"
    ok("fit", inputs / "images", "-r", "classification-wrn", "-s", words, *small, "-o", model)
    (tmp_path / "extra.txt").write_text("cherry\n")
    asked = ("predict", model, inputs / "images", "--classes", tmp_path / "extra.txt", "-o", tmp_path / "p.csv")
    assert list(ok_json(*asked)["predictions"]) == ["blue", "green", "red", "cherry"]
    assert (tmp_path / "p.csv").read_text().splitlines()[0].endswith("cherry")
    (tmp_path / "extra.txt").write_text("mauve\n")
    assert "'mauve'" in fails(*asked, "--overwrite")
    (tmp_path / "tree.yaml").write_text("all: {cold: [blue, green, teal], warm: [red, pink]}\n")
    groups = (*asked[:4], tmp_path / "tree.yaml", *asked[5:], "--overwrite")
    assert list(ok_json(*groups)["predictions"]) == ["blue", "green", "red", "cold", "warm"]
    assert (tmp_path / "p.csv").read_text().splitlines()[0].endswith("p_red,p_cold,p_warm")
    (tmp_path / "tree.yaml").write_text("all: {cold: [blue, green]}\n")
    assert "classes are missing from the hierarchy: 'red'" in fails(*groups)
