import os
import subprocess
import sys
from pathlib import Path

import pytest

from handful.comparison.result import ComparisonResult
from handful.errors import TrainingError
from tests.support.comparisons import compared, without_time
from tests.support.trainers import LrTrainer


@pytest.mark.parametrize("after", [1, 13])
def test_a_stopped_comparison_goes_on_with_nothing_done_twice(
    whole: tuple[ComparisonResult, list[list[str]], Path], tmp_path: Path, after: int
) -> None:
    log = tmp_path / "calls"
    with pytest.raises(KeyboardInterrupt):
        compared(tmp_path / "out", LrTrainer(log, interrupts_after=after))
    assert len(LrTrainer(log).calls) == after
    outcome = compared(tmp_path / "out", LrTrainer(log))
    assert LrTrainer(log).calls == whole[1]
    assert without_time(outcome) == without_time(whole[0])
    again = compared(tmp_path / "out", LrTrainer(log))
    assert LrTrainer(log).calls == whole[1]
    assert again.answer == outcome.answer


SCRIPT = """
import sys
from pathlib import Path
from tests.support.comparisons import compared
from tests.support.trainers import LrTrainer
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    dies = int(sys.argv[2]) if len(sys.argv) > 2 else None
    compared(folder / "out", LrTrainer(folder / "calls", dies_after=dies))
"""


@pytest.mark.slow
def test_a_killed_comparison_goes_on_with_nothing_done_twice(
    whole: tuple[ComparisonResult, list[list[str]], Path], tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    killed = subprocess.run([*command, "11"], env=environment, capture_output=True, timeout=300)
    assert killed.returncode == -9, killed.stderr.decode()
    outcome = compared(tmp_path / "out", LrTrainer(tmp_path / "calls"))
    assert LrTrainer(tmp_path / "calls").calls == whole[1]
    assert without_time(outcome) == without_time(whole[0])


@pytest.mark.slow
def test_two_processes_find_what_one_does(
    whole: tuple[ComparisonResult, list[list[str]], Path], tmp_path: Path
) -> None:
    outcome = compared(tmp_path / "out", LrTrainer(tmp_path / "calls"), jobs=2)
    assert sorted(LrTrainer(tmp_path / "calls").calls) == sorted(whole[1])
    assert without_time(outcome) == without_time(whole[0])


def test_a_recipe_that_cannot_train_is_left_out_and_named(tmp_path: Path) -> None:
    outcome = compared(tmp_path / "out", LrTrainer(tmp_path / "calls", fails="method"))
    assert [e.recipe for e in outcome.levels[0].entries] == ["control"]
    (left,) = [c for c in outcome.candidates if not c.taken]
    assert left.recipe == "method"
    assert "cannot" in left.why
    assert any("method" in note for note in outcome.notes)
    with pytest.raises(TrainingError, match="no recipe could be trained"):
        compared(tmp_path / "none", LrTrainer(tmp_path / "calls", fails="control"), names=("control",))
