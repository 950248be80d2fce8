"""Trainers that take no time, for the tests of evaluation: importable by spawned workers."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.errors import TrainingError


@dataclass(frozen=True, eq=False)
class NearestMean:
    """Class means of the pixels; probabilities from the distances."""

    means: Float[np.ndarray, "k f"]

    def probabilities(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        for sample in data.samples:
            assert sample.mask is None
            assert sample.label is None
        x = _flat(data)
        scores = -np.linalg.norm(x[:, None] - self.means[None], axis=2)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class NearestMeanTrainer:
    """Counts its calls by files in `folder`, so that calls in worker processes count too."""

    folder: Path
    dies_at: int | None = None
    sleeps: float = 0
    name: str | None = None

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> NearestMean:
        assert not progress
        self.folder.mkdir(exist_ok=True)
        (self.folder / f"{seed}-{len(data)}-{len(list(self.folder.iterdir()))}-{os.getpid()}").touch()
        time.sleep(self.sleeps)
        if self.dies_at == seed:
            raise KeyboardInterrupt
        x, labels = _flat(data), data.labels
        return NearestMean(np.stack([x[labels == c].mean(axis=0) for c in range(len(data.classes))]))

    @property
    def calls(self) -> list[str]:
        return sorted(f.name for f in self.folder.iterdir()) if self.folder.exists() else []


def _flat(data: Dataset) -> Float[np.ndarray, "n f"]:
    return np.stack([np.asarray(s.image, dtype=np.float32).ravel() / 255 for s in data.samples])


@dataclass(frozen=True, eq=False)
class LrTrainer:
    """Class means of noisy pixels, the noisier the further the learning rate is from `best`; a line for each call.

    Lines of `log`: recipe, learning rate, seed, ids of the training images. It dies (SIGKILL) in the call after
    `dies_after` lines.
    """

    log: Path
    best: float = 0.1
    dies_after: int | None = None
    interrupts_after: int | None = None
    fails: str = ""

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> NearestMean:
        lr = recipe.stages[0].optimizer.lr if recipe.stages else 0.3
        done = len(self.log.read_text().splitlines()) if self.log.exists() else 0
        if self.dies_after == done:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.interrupts_after == done:
            raise KeyboardInterrupt
        if self.fails == recipe.name:
            raise TrainingError("cannot", where=recipe.name)
        with self.log.open("a") as file:
            file.write(" ".join([recipe.name, repr(lr), str(seed), *data.ids]) + "\n")
        rng = np.random.default_rng(seed)
        x, labels = _flat(data), data.labels
        means = np.stack([x[labels == c].mean(axis=0) for c in range(len(data.classes))])
        off = abs(np.log10(lr / self.best)) * 2
        return NearestMean((means + off * rng.standard_normal(means.shape)).astype(np.float32))

    @property
    def calls(self) -> list[list[str]]:
        return [line.split(" ") for line in self.log.read_text().splitlines()] if self.log.exists() else []
