import unicodedata

import pytest

from handful.data.class_names import class_index, class_names, nfc, with_classes
from handful.errors import DataError
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
