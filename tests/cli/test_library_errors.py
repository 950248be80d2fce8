import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import handful.recipes.read
from handful.cli._library_errors import explain, last_line
from tests.support.command_line import fails, run


def boom(error: BaseException) -> Callable[..., None]:
    def load(*arguments: object, **options: object) -> None:
        raise error

    return load


KNOWN = [  # error of a library, and what is said
    (MemoryError(), ("not enough memory", "smaller images")),
    (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"), ("not enough memory",)),
    (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), ("GPU: not enough memory",)),
    (RuntimeError("CUDA error: no kernel image is available"), ("the GPU failed", "update the driver")),
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model"), ("model: No space left", "free some disk space")),
    (PermissionError(errno.EACCES, "Permission denied", b"a\xff"), ("Permission denied", "permissions")),
    (OSError(errno.EMFILE, "Too many open files"), ("Too many open files", "ulimit")),
    (OSError("cannot identify image file"), ("cannot identify image file", "check the path")),
    (RuntimeError("Io error: File too large (os error 27)"), ("File too large", "free some disk space")),
    (ValueError("embedded null byte"), ("NUL",)),
    (UnicodeDecodeError("utf-8", b"ab\xff", 2, 3, "invalid start byte"), ("not UTF-8 text (byte 0xff at position 2)",)),
    (ModuleNotFoundError("No module named 'x'", name="x.y"), ("the package x.y is not installed", "install")),
]


@pytest.mark.parametrize(("error", "says"), KNOWN)
def test_what_a_library_raises_is_one_paragraph_with_a_remedy(
    error: Exception, says: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handful.recipes.read, "read_recipe", boom(error))
    said = fails("recipes", "cvs-wrn")
    assert all(words in " ".join(said.split()) for words in says), said
    assert said.startswith("Error: ")
    assert "Remedy: " in said


@pytest.mark.parametrize("error", [KeyError("x"), AssertionError(), TypeError("two\nlines"), IndexError()])
def test_anything_else_is_said_to_be_a_fault_of_handful(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handful.recipes.read, "read_recipe", boom(error))
    said = " ".join(fails("recipes", "cvs-wrn", code=70).split())
    assert said.startswith("Error: handful ")
    assert last_line(error) in said
    assert "fault of handful" in said
    assert "--debug" in said


@pytest.mark.parametrize("arguments", [("--debug", "recipes", "cvs-wm"), ("recipes", "cvs-wm", "--debug")])
def test_debug_shows_the_traceback_before_and_after_the_command(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Traceback")
    assert "Error: unknown recipe" in result.stderr
    assert "Traceback" not in run("recipes", "cvs-wm").stderr


def test_remedies_name_only_options_of_the_command() -> None:
    none, all_of_them = explain(MemoryError(), ()), explain(MemoryError(), ("jobs", "set_", "device"))
    assert none is not None
    assert all_of_them is not None
    assert "--" not in none.remedy
    assert all(name in all_of_them.remedy for name in ("--jobs", "--set image_size=[h,w]", "--device cpu"))
    assert explain(KeyError("x"), ()) is None


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_letters_that_the_output_lacks_are_written_as_escapes(encoding: str, tmp_path: Path) -> None:
    name = "Łódź.toml"
    command = [sys.executable, "-m", "handful", "recipes", name]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 2
    assert rb"\u0141" in done.stderr
    assert b"Traceback" not in done.stderr


def test_json_in_an_encoding_without_the_letters_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from handful.cli._output import print_json

    output = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", output)
    print_json({"class": "Łódź \U0001f600"})
    output.flush()
    assert json.loads(output.buffer.getvalue().decode("cp1252")) == {"class": "Łódź \U0001f600"}


def test_a_closed_output_ends_the_command_without_a_word(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "handful", "recipes", "cvs-wrn"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 1
