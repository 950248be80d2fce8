"""What all tests of heads share."""

import pytest

from handful.parts.heads import laso


@pytest.fixture(autouse=True)
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """LaSO's networks are trained for a few steps: what holds of every head does not depend on how many they are."""
    monkeypatch.setattr(laso, "STEPS", 10)
