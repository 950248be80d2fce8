"""What a user sees who asks `export`, `predict` or `serve` for what cannot be; nothing is trained or loaded before."""

from pathlib import Path

import pytest

from handful.deployment import extra_packages
from handful.saving.model_folder import FILES
from tests.support.command_line import fails, write_images
from tests.support.datasets import squares

pytest.importorskip("onnxruntime")


def model_of_empty_files(folder: Path) -> Path:
    """What a command takes for a model until it loads it."""
    folder.mkdir()
    for name in FILES:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("out", "options", "said"),
    [
        ("a.txt", (), "name one in .onnx, .pt2, .html"),
        ("a.onnx", ("--to", "html"), "name one in .html"),
        ("a.onnx", ("--int8",), "give them with --data"),
        ("a.onnx", ("--data", "x"), "only --int8 uses data"),
        ("a.pt2", ("--int8", "--data", "x"), "8-bit arithmetic is for ONNX files only"),
        ("taken.onnx", (), "already exists"),
        ("a.onnx", ("--runtime", "x"), "only a page takes the browser runtime"),
        ("a.html", ("--runtime", "x"), "ort.wasm.bundle.min.mjs is missing"),
    ],
)
def test_exports_that_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, options: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x").mkdir()
    (tmp_path / "taken.onnx").write_text("something of the user's")
    message = fails("export", model_of_empty_files(tmp_path / "model"), "-o", tmp_path / out, *options)
    assert said in message
    assert "Exporting" not in message, "no work is announced that is not begun"
    assert (tmp_path / "taken.onnx").read_text() == "something of the user's"


@pytest.mark.parametrize(
    ("kind", "command", "said"),
    [
        ("number", ("export", "-o", "a.html"), "a page needs a model of classes, and this one predicts a number"),
        ("number", ("export", "-o", "a.pt2"), "a file in .pt2 needs a model of classes"),
        ("bag", ("export", "-o", "a.onnx"), "this one was trained on bags"),
        ("multilabel", ("export", "-o", "a.onnx", "--int8", "--data", "x"), "this one names several"),
        ("number", ("serve", "--port", "0"), "the server needs a model of classes"),
        ("multiclass", ("serve", "--port", "0", "--megabytes", "0"), "megabytes is 0.0"),
        ("multiclass", ("serve", "--host", "203.0.113.1"), "cannot listen on this address"),
    ],
)
def test_what_a_model_or_an_option_rules_out_is_refused_before_work_is_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, command: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x").mkdir()
    folder = model_of_empty_files(tmp_path / "model")
    (folder / "classes.json").write_text(f'{{"kind": "{kind}"}}')
    name, *options = command
    message = fails(name, folder, *options)
    assert said in message
    assert "..." not in message


def test_an_exported_file_is_not_exported_again(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").touch()
    message = fails("export", tmp_path / "m.onnx", "-o", tmp_path / "a.html")
    assert "it is a file" in message
    assert "Exporting" not in message


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("junk.onnx", (), "this ONNX model is damaged or foreign: it ends too early"),
        ("empty.onnx", (), "this ONNX model cannot be run"),
        ("none.onnx", (), "no such file"),
        ("junk.onnx", ("--tta", "flip"), "an exported model cannot be changed"),
        ("junk.onnx", ("--device", "cuda"), "an exported model only runs on the CPU"),
    ],
)
def test_predictions_that_are_refused(tmp_path: Path, name: str, options: tuple[str, ...], said: str) -> None:
    (tmp_path / "junk.onnx").write_text("junk")
    (tmp_path / "empty.onnx").write_bytes(b"\x08\x0a")  # a version, and no graph
    images = write_images(squares(1), tmp_path / "images")
    assert said in fails("predict", tmp_path / name, images, "-o", tmp_path / "p.csv", *options)


def test_a_package_that_an_export_needs_is_named_before_the_model_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra_packages, "find_spec", lambda name: None if name == "onnxscript" else object())
    model = model_of_empty_files(tmp_path / "model")
    for name in ("a.onnx", "a.html"):
        said = fails("export", model, "-o", tmp_path / name)
        assert "needs onnxscript" in said
        assert 'pip install "handful[onnx]"' in said
