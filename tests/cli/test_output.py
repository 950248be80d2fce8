import pytest

from handful.cli._errors import print_message
from handful.cli._output import print_indented, print_table, print_text

PATH = "/home/someone/projects/2024/leaves-of-the-garden/models/logistic-lite0-10-per-class/model.onnx"


@pytest.mark.parametrize("width", [60, 100])
def test_a_long_path_in_a_table_is_shortened_in_the_middle(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    rows = [("file", f"{PATH} (3.1 MB)"), ("input", "images of any size, resized to 128 x 128 pixels, as in training")]
    print_table(("", ""), rows, text=2)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    assert words[1].startswith("/home/someone")
    assert words[1].endswith("/model.onnx")
    assert ("..." in words[1]) == (width < len(PATH) + 7)
    assert " ".join(words[-5:]) == "pixels, as in training" or words[-2:] == ["in", "training"]


@pytest.mark.parametrize("width", [48, 60, 100])
def test_no_word_of_a_table_is_broken(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    names = ["Taraxacum-officinale-subspecies-vulgare-specimens", "elm", "a leaf of an unidentified tree in the park"]
    numbers = ("1000", "88.8", "77.7 to 99.9")
    print_table(("class", "images", "recall", "95 % interval"), [(name, *numbers) for name in names])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert sum("77.7 to 99.9" in line for line in lines) == 3
    words = {word for line in lines for word in line.split()}
    assert {"unidentified", "elm"} <= words
    (long,) = [word for word in words if word.startswith("Tara")]
    assert long.endswith("ens")
    assert len(long) >= 8


@pytest.mark.parametrize(("columns", "width"), [("60", 60), (None, 80), ("300", 100)])
def test_paragraphs_are_wrapped_alike_in_a_pipe(
    columns: str | None, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    print_text("copies stay together " * 12)
    print_message("Note", "images are left out " * 12, style="yellow")
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert width - 11 < max(map(len, text.splitlines())) <= width


def test_a_long_word_of_a_paragraph_stays_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    print_text(f"Next: handful predict {PATH} IMAGES --out predictions.csv, or handful serve it on this machine.")
    lines = capsys.readouterr().out.splitlines()
    assert PATH in [line.strip() for line in lines]
    assert sorted(len(line) > 60 for line in lines) == [False] * (len(lines) - 1) + [True]


def test_an_indented_paragraph_fits_with_a_long_path_in_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    print_indented(f"an image that looks like another class: {PATH}; look at it")
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 60
    assert "/model.onnx;" in out
    assert "look at it" in " ".join(out.split())
