from pathlib import Path

import numpy as np
import pytest

from handful.automl.closing import following
from handful.automl.next_steps import has_arrays, next_steps
from handful.data.arrays import from_arrays
from handful.errors import command_line


def test_a_command_gets_commands_and_what_is_not_installed_has_its_install_line() -> None:
    with command_line():
        predict, serve = next_steps(Path("handful-my photos"), serving=True)
        assert predict == "handful predict 'handful-my photos' NEW_IMAGES --out new.csv"
        assert serve == "handful serve 'handful-my photos'"
        assert next_steps(Path("out"), serving=False)[1] == 'pip install "handful[onnx,serve]" && handful serve out'


def test_models_of_numbers_are_not_served_and_those_of_several_labels_are() -> None:
    with command_line():
        assert following(Path("out"), "number") == "Next: handful predict out NEW_IMAGES --out new.csv."
        assert "handful serve out" in following(Path("out"), "multilabel")
    for kind, answer in (("multilabel", "present = model.predict("), ("number", "numbers = model.predict(")):
        lines = next_steps(Path("out"), kind=kind)  # type: ignore[arg-type]
        compile("\n".join(lines), "next", "exec")
        assert lines[-1].startswith(answer)


@pytest.mark.parametrize("arrays", [False, True])
def test_python_gets_python_that_compiles(arrays: bool) -> None:
    lines = next_steps(Path("ants-run"), arrays=arrays)
    compile("\n".join(lines), "next", "exec")
    assert "ants-run" in lines[-2]
    assert ("from_arrays(" in lines[-1]) is arrays


def test_arrays_are_told_from_files() -> None:
    assert has_arrays(from_arrays(np.zeros((2, 8, 8), np.uint8), [0, 1]))
