from pathlib import Path

import pytest

from handful.core.hierarchy import Hierarchy
from handful.errors import DataError
from handful.parts.hierarchies.nested_yaml import build
from tests.support.datasets import context

TEXT = """
animal:
  - cat
  - bird: [robin, eagle]
car:
"""


def read(folder: Path, text: str, *classes: str, prune: bool = False) -> Hierarchy:
    (folder / "tree.yaml").write_text(text)
    return build(context(classes=tuple(sorted(classes))), path=str(folder / "tree.yaml"), prune=prune)


def test_groups_are_keys_and_classes_are_leaves(tmp_path: Path) -> None:
    found = read(tmp_path, TEXT, "car", "cat", "eagle", "robin")
    assert found.names == ("car", "cat", "eagle", "robin", "all", "animal", "bird")
    assert found.parents == (4, 5, 6, 6, -1, 4, 5)


def test_one_group_at_the_top_is_the_root_and_all_names_are_text(tmp_path: Path) -> None:
    found = read(tmp_path, "digits:\n  even: [0, 007]\n  odd: {no: , yes: , 1.0: }\n", "0", "007", "no", "yes", "1.0")
    assert found.names[found.root] == "digits"
    assert set(found.names) == {"0", "007", "no", "yes", "1.0", "digits", "even", "odd"}


def test_one_file_serves_for_many_tasks(tmp_path: Path) -> None:
    assert read(tmp_path, TEXT, "car", "eagle", "robin", prune=True).names[3:] == ("all", "bird")
    with pytest.raises(DataError, match="not classes: 'cat'"):
        read(tmp_path, TEXT, "car", "eagle", "robin")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [cat, dog", "not YAML"),
        ("", "the file is empty"),
        ("a: [cat, cat]\nb: [dog]", "listed twice: 'cat'"),
        ("a: [cat]\na: [dog]", "the key 'a' is listed twice"),
        ("a: &a\n  - cat\n  - dog\n  - *a", "contains itself"),
        ("a:\n  b:\n    a: [cat, dog]", "the group 'a' contains itself"),
        ("[" * 200 + "]" * 200, "nested deeper than 64 levels"),
        ("[" * 20_000, "nested deeper than 64 levels|not YAML"),
        ("a: " + "[cat]\n" * 200_000, "larger than 0.25 MB"),
        (
            "l0: &l0 [cat, dog]\n" + "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 12)),
            "more than 100,000 entries",
        ),
        ("? [cat, dog]\n: dog", "a group has no name"),
        ("cat: [dog, emu]", "have other classes below them: 'cat'"),
        ("[cat, dog]", "classes are missing from the hierarchy: 'emu'"),
        ("[cat, dog, emu, gnu]", "not classes: 'gnu'"),
    ],
)
def test_what_is_no_tree_over_the_classes_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, text, "cat", "dog", "emu")
    with pytest.raises(DataError, match="no such file"):
        build(context(), path=str(tmp_path / "none.yaml"))
