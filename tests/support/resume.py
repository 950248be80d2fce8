"""Training that is stopped on the way and resumed."""

import math
from pathlib import Path

import pytest

from handful.core.dataset import Dataset
from handful.core.progress import Progress
from handful.core.recipe import Recipe
from handful.models.classifier import Classifier
from handful.saving.checkpoint import Checkpoint
from handful.training.train import train


def stopped_and_resumed(
    recipe: Recipe, data: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch, *, at: int
) -> Classifier:
    """What training gives that was stopped in step `at`, with a checkpoint after each step, and then resumed."""
    advance, seen = Progress.advance, []

    def stop(self: Progress, loss: float = math.nan, steps: int = 1) -> None:
        seen.append(0 if math.isnan(loss) else steps)  # a bar without a loss is not of training
        if sum(seen) == at:
            raise KeyboardInterrupt
        advance(self, loss, steps)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "advance", stop)
        patch.setattr(Checkpoint, "due", lambda self: True)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, data, folder=folder, progress=False)
    return train(recipe, data, folder=folder, resume=True, progress=False)
