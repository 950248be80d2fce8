from pathlib import Path

import pytest

from handful.comparison.result import ComparisonResult
from tests.support.comparisons import compared
from tests.support.trainers import LrTrainer


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[ComparisonResult, list[list[str]], Path]:
    """A comparison that nothing stopped, its calls and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    trainer = LrTrainer(folder / "calls")
    return compared(folder / "out", trainer), trainer.calls, folder / "out"
