import pytest

from handful.core.file_names import as_id, as_unicode, from_unicode, is_system_name, printable


@pytest.mark.parametrize("name", ["caf\udce9.png", "caf\u00e9.png", "a\udcff\udc80/b.png", "plain"])
def test_a_name_of_any_bytes_becomes_text_and_back(name: str) -> None:
    assert as_unicode(name).encode("utf-8")
    assert from_unicode(as_unicode(name)) == name


def test_half_a_surrogate_pair_is_no_obstacle() -> None:
    assert as_unicode("a\ud800") == "a\\ud800"


def test_ids_are_composed() -> None:
    assert as_id("cafe\u0301/x.png") == "caf\u00e9/x.png"


def test_messages_have_no_control_characters() -> None:
    assert printable("a\x1b[31m\nb\u00e9") == "a\\x1b[31m\\nb\u00e9"


@pytest.mark.parametrize("name", ["@eaDir", "THUMBS.DB", "._x.jpg", "$Recycle.Bin", "lost+found", "#recycle"])
def test_names_that_systems_write(name: str) -> None:
    assert is_system_name(name)
    assert not is_system_name(f"x{name}")
