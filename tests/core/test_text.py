import pytest

from handful.core.text import fill, listed, shorten_middle, wrap


def test_words_are_broken_at_spaces_only() -> None:
    path = "photos/a-very-long-folder-name/another-one/IMG_0001.jpeg"
    lines = wrap(f"embedded EfficientNet-Lite0 of {path} is read", 30, first="* ", indent="  ")
    assert lines == ["* embedded EfficientNet-Lite0", "  of", f"  {path}", "  is read"]


@pytest.mark.parametrize(
    "text",
    ["photos/leaves of 2024/upper/IMG_20240503_101500.jpeg", "x" * 70, "short.png", "a/b", "", "C:\\x\\photo.png"],
)
def test_what_is_shortened_fits_and_keeps_both_ends(text: str) -> None:
    for width in range(60):
        short = shorten_middle(text, width)
        assert len(short) == min(len(text), width)
        if len(text) > width >= 5:
            start, end = short.split("...")
            assert text.startswith(start)
            assert text.endswith(end)
            assert len(end) >= len(start)


def test_the_name_of_a_file_is_whole_where_it_fits() -> None:
    assert shorten_middle("photos/leaves/upper-side/IMG_0001.jpeg", 20) == "pho.../IMG_0001.jpeg"
    assert shorten_middle("photos/leaves/upper-side/IMG_0001.jpeg", 38) == "photos/leaves/upper-side/IMG_0001.jpeg"
    assert shorten_middle("leaves/averylongname_of_a_file.png", 14) == "leave...le.png"


def test_paragraphs_are_wrapped_each_by_itself() -> None:
    assert fill("one two three\n  Remedy: four five", 12) == "one two\nthree\n  Remedy:\nfour five"


def test_names_beyond_the_most_are_counted() -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert listed([], 2) == ""
    assert listed(["a, b", "c", "d"], 1, separator="; ") == "a, b; and 2 more"
    assert listed(["a", "b"], 2, separator="; ") == "a; b"
