import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from handful.cli._errors import STOPPED
from handful.cli._stop import CLOSED, StopSignal
from tests.support.command_line import fails


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):  # the handler runs between two instructions
        pass


@pytest.mark.parametrize("other", [AttributeError, RuntimeError, NameError, ModuleNotFoundError])
def test_a_stop_that_a_library_turns_into_another_error_is_a_stop(
    other: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def importing(*_: object, **__: object) -> None:
        try:
            press_ctrl_c()
        except KeyboardInterrupt:
            raise other("module 'sympy' has no attribute 'logic'") from None

    monkeypatch.setattr("handful.recipes.read.recipe_names", importing)
    said = fails("recipes", code=STOPPED)
    assert said == "Stopped: the same command starts over."


def test_a_second_signal_at_the_same_time_is_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopping(*_: object, **__: object) -> None:
        try:
            press_ctrl_c()
        finally:
            press_ctrl_c()

    monkeypatch.setattr("handful.recipes.read.recipe_names", stopping)
    assert fails("recipes", code=STOPPED) == "Stopped: the same command starts over."


def test_the_handler_of_before_is_restored() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopSignal() as stop_signal, pytest.raises(KeyboardInterrupt):
        press_ctrl_c()
    assert stop_signal.received
    assert signal.getsignal(signal.SIGINT) is before


ENDING = """
import atexit, sys, tempfile, weakref
from handful.cli._stop import end_process

class Slow:
    def __del__(self):
        print("taken apart")

keep = Slow()
keep.itself = keep
folder = tempfile.TemporaryDirectory(prefix="handful-end-")
atexit.register(lambda: print("cleaned up"))

def command():
    sys.stdout.write("the last line " * 10_000)
    raise SystemExit(3)

end_process(command)
"""


def test_a_process_ends_with_its_output_clean_up_and_exit_code_and_takes_nothing_apart(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDING], capture_output=True, text=True, env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    assert ended.returncode == 3
    assert ended.stdout == "the last line " * 10_000 + "cleaned up\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("raised", "code"), [("SystemExit", 0), ("SystemExit('why')", 1), ("SystemExit(130)", 130)])
def test_every_form_of_an_end_has_its_code(raised: str, code: int) -> None:
    script = f"from handful.cli._stop import end_process\ndef command(): raise {raised}\nend_process(command)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == code


def test_a_reader_that_has_gone_is_no_success() -> None:
    script = "from handful.cli._stop import end_process\nend_process(lambda: print('x' * 9))"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == CLOSED
