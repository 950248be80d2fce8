"""The class whose name says that nothing is wrong."""

import pytest

from handful.core.normal_class import find_normal_class


@pytest.mark.parametrize(
    ("classes", "normal"),
    [
        (("MT_Blowhole", "MT_Crack", "MT_Free"), "MT_Free"),
        (("NORMAL", "PNEUMONIA"), "NORMAL"),
        (("Healthy leaf", "Rust"), "Healthy leaf"),
        (("good", "not_good"), "good"),
        (("ok", "notOk"), "ok"),
        (("abnormal", "normal"), "normal"),
        (("no_tumor", "glioma"), "no_tumor"),
        (("nonDefect", "scratch"), "nonDefect"),
        (("ant", "bee"), None),
        (("healthy apple", "healthy pear", "scab"), None),
        (("Normandy", "Goodwood"), None),
    ],
)
def test_a_class_that_means_nothing_is_wrong_is_recognized_by_its_name(classes: tuple[str, ...], normal: str) -> None:
    assert find_normal_class(classes) == normal
