from pathlib import Path

import pytest

from handful.core.hierarchy import Hierarchy
from handful.errors import DataError, WeightsError
from handful.parts.hierarchies.wordnet import build
from tests.parts.hierarchies.wordnet_files import write_wordnet
from tests.support.datasets import context

pytest.importorskip("nltk")


def groups(tree: Hierarchy) -> dict[str, set[str]]:
    """Names of the classes below each inner node."""
    below = tree.members()
    return {
        tree.names[i]: {tree.names[j] for j in range(tree.leaves) if below[i, j]}
        for i in range(tree.leaves, len(tree.names))
    }


@pytest.mark.parametrize("place", ["", "dict", "corpora/wordnet"])
def test_classes_hang_below_their_common_synsets(tmp_path: Path, place: str) -> None:
    write_wordnet(tmp_path / place)
    classes = ("Poodle dogs", "bus", "cats", "goldenRetriever")
    tree = build(context(classes=classes), path=str(tmp_path))
    assert tree.names[:4] == classes
    assert groups(tree) == {
        "entity.n.01": set(classes),
        "animal.n.01": {"Poodle dogs", "cats", "goldenRetriever"},
        "dog.n.01": {"Poodle dogs", "goldenRetriever"},
    }


def test_ids_senses_and_aliases_choose_the_synset(tmp_path: Path) -> None:
    ids = write_wordnet(tmp_path)
    classes = (ids["cat"], "bus", "crane")
    first = groups(build(context(classes=classes), path=str(tmp_path)))
    assert first == {"entity.n.01": set(classes)}
    for bird in ("crane.n.02", ids["crane bird"]):
        tree = groups(build(context(classes=classes), path=str(tmp_path), aliases={"crane": bird}))
        assert tree["animal.n.01"] == {ids["cat"], "crane"}


def test_a_class_above_others_is_a_leaf_beside_them(tmp_path: Path) -> None:
    write_wordnet(tmp_path)
    found = groups(build(context(classes=("bus", "dog", "poodle")), path=str(tmp_path)))
    assert found == {"entity.n.01": {"bus", "dog", "poodle"}, "dog.n.01": {"dog", "poodle"}}


def test_what_cannot_be_found_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"index\.noun and data\.noun not found"):
        build(context(classes=("cat", "dog")), path=str(tmp_path))
    write_wordnet(tmp_path)
    with pytest.raises(DataError, match=r"no noun for 'komondor', 'n00000001', 'cat\.n\.07'"):
        build(
            context(classes=("cat", "x", "y", "z")),
            path=str(tmp_path),
            aliases={"x": "komondor", "y": "n00000001", "z": "cat.n.07"},
        )
    with pytest.raises(DataError, match=r"'beast' are the same synset, animal\.n\.01"):
        build(context(classes=("animal", "beast")), path=str(tmp_path))
    write_wordnet(tmp_path, cycle=True)
    with pytest.raises(DataError, match="its own hypernym"):
        build(context(classes=("cat", "dog")), path=str(tmp_path))
    (tmp_path / "index.noun").write_text("not what it should be\n")
    with pytest.raises(DataError, match="not WordNet's files"):
        build(context(classes=("cat", "dog")), path=str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "nltk.corpus.reader.wordnet", None)
    with pytest.raises(WeightsError, match=r"pip install 'handful\[wordnet\]'"):
        build(context(classes=("cat", "dog")), path=str(tmp_path))
