"""What a user sees who asks `export`, `predict` or `serve` for what cannot be; nothing is trained or loaded before."""

from pathlib import Path

import pytest

from tests.support.command_line import fails

pytest.importorskip("onnxruntime")


@pytest.mark.parametrize(
    ("out", "options", "said"),
    [
        ("a.txt", (), "name one in .onnx, .pt2, .html"),
        ("a.onnx", ("--to", "html"), "name one in .html"),
        ("a.onnx", ("--int8",), "give them with --data"),
        ("a.onnx", ("--data", "x"), "only --int8 uses data"),
        ("a.pt2", ("--int8", "--data", "x"), "8-bit arithmetic is for ONNX files only"),
        ("taken.onnx", (), "already exists"),
    ],
)
def test_exports_that_are_refused(tmp_path: Path, out: str, options: tuple[str, ...], said: str) -> None:
    (tmp_path / "taken.onnx").write_text("something of the user's")
    assert said in fails("export", tmp_path / "none", "-o", tmp_path / out, *options)
    assert (tmp_path / "taken.onnx").read_text() == "something of the user's"


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("junk.onnx", (), "this ONNX model cannot be run"),
        ("none.onnx", (), "no such file"),
        ("junk.onnx", ("--tta", "flip"), "an exported model cannot be changed"),
        ("junk.onnx", ("--device", "cuda"), "an exported model only runs on the CPU"),
    ],
)
def test_predictions_that_are_refused(tmp_path: Path, name: str, options: tuple[str, ...], said: str) -> None:
    (tmp_path / "junk.onnx").write_text("junk")
    assert said in fails("predict", tmp_path / name, tmp_path, "-o", tmp_path / "p.csv", *options)
