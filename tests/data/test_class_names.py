import unicodedata
from pathlib import Path

import pytest

from handful.data.class_names import class_index, class_names, consistent_names, nfc, read_names, with_classes
from handful.errors import DataError, HandfulWarning
from tests.data.noise_images import noise_dataset

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


def test_both_unicode_forms_of_a_name_are_one_class() -> None:
    assert nfc(DECOMPOSED) == COMPOSED != DECOMPOSED
    assert class_names([DECOMPOSED, COMPOSED, None, "a"], None) == ("a", COMPOSED)
    assert class_names([], [DECOMPOSED, "a"]) == ("a", COMPOSED)
    assert class_index(DECOMPOSED, {COMPOSED: 3}, "here") == 3
    with pytest.raises(DataError, match="is listed twice"):
        class_names([], [DECOMPOSED, COMPOSED])


def test_labels_follow_their_classes_into_a_larger_set_of_classes() -> None:
    data = noise_dataset([0, None], classes=("b",))
    larger = with_classes(data, ["c", "b", "a"])
    assert (larger.classes, larger.labels.tolist()) == (("a", "b", "c"), [1, -1])
    with pytest.raises(DataError, match=r"000: the label 'b' is not one of the 1 classes"):
        with_classes(data, ["a"])


def test_minus_one_beside_whole_numbers_from_0_is_no_label_and_said_once() -> None:
    with pytest.warns(HandfulWarning, match="here: 2 labels are -1, read as unlabelled; .* in words") as notes:
        assert consistent_names(["-1", "0", "2", "-1", None], None, where="here") == [None, "0", "2", None, None]
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["-1", "1"], None),
        (["-1", "0"], None),
        (["-1", "9", "10"], None),
        (["-1", "0", "cat"], None),
        (["-1", "0", "1", "-2"], None),
        (["-1", "0", "1"], ["-1", "0", "1"]),
    ],
)
def test_minus_one_is_a_class_otherwise(names: list[str], classes: list[str] | None) -> None:
    assert consistent_names(names, classes, where="here") == names


def test_names_that_differ_in_blanks_are_one_class_and_those_in_case_two() -> None:
    with pytest.warns(HandfulWarning, match="'dog ' and 'dog' are read as one class"):
        assert consistent_names(["dog ", "dog"], None, where="here") == ["dog", "dog"]
    with pytest.warns(HandfulWarning, match="the class ' dog' has blanks at an end; rename it"):
        assert consistent_names([" dog", "cat"], None, where="here") == [" dog", "cat"]
    with pytest.warns(HandfulWarning, match="here: 'Cat' and 'cat' differ in case alone, and are 2 classes; rename"):
        assert consistent_names(["Cat", "cat"], None, where="here") == ["Cat", "cat"]
    assert consistent_names(["Cat", "cat", "dog "], ["Cat", "cat", "dog "], where="here") == ["Cat", "cat", "dog "]


def test_names_come_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\ufeffgreat white shark\n\n  teal \n", encoding="utf-8")
    assert read_names(tmp_path / "names.txt") == ("great white shark", "teal")
    (tmp_path / "empty.txt").write_text("\n")
    for name, message in (("empty.txt", "no class names"), ("none.txt", "no such file")):
        with pytest.raises(DataError, match=message):
            read_names(tmp_path / name)
