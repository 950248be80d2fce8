"""How often 95 % intervals over draws from a small pool hold the mean score, with and without the correction.

The mean over new pools of the same population is meant, and for comparison that over draws from this pool. Toys:
nearest centroids of Gaussians, five classes or four unequal ones. Real models on MNIST: logistic regression, whose only
chance is the draw, and a small network, whose weights and order of images are drawn too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional

from bench.support.options import Options
from bench.support.record import append
from handful.evaluation.intervals import mean_interval

TABLE = "draw-coverage"
Images = Float[np.ndarray, "m d"]
Score = Callable[[Sequence[Images], np.random.Generator], float]  # of images of each class


@dataclass(frozen=True)
class Setting:
    """Images of each class that a draw takes, and of its pool, and the number of draws."""

    name: str
    drawn: tuple[int, ...]
    pool: tuple[int, ...]
    draws: int = 5

    @property
    def overlap(self) -> float:
        """The correction of `handful.evaluation.design`."""
        share = float((1 / np.array(self.pool)).sum() / (1 / np.array(self.drawn)).sum())
        return share / (1 - share)


TOYS = (
    Setting("50 of 2,000", (50,) * 5, (2000,) * 5),
    Setting("50 of 500", (50,) * 5, (500,) * 5),
    Setting("200 of 500", (200,) * 5, (500,) * 5),
    Setting("50 of 100", (50,) * 5, (100,) * 5),
    Setting("50 of 100, three draws", (50,) * 5, (100,) * 5, 3),
    Setting("a tail, 100 to 1 of 100", (100, 32, 10, 3, 1), (100,) * 5),
    Setting("10 of 22, 60, 90, 126", (10,) * 4, (22, 60, 90, 126)),
    Setting("10 of 12, 60, 90, 126", (10,) * 4, (12, 60, 90, 126)),
)
REAL = (Setting("20 of 40", (20,) * 10, (40,) * 10), Setting("20 of 200", (20,) * 10, (200,) * 10))


def run(options: Options) -> None:
    """The toys, then the models."""
    for setting in TOYS:
        toy = Toy(len(setting.pool))
        tell("nearest centroids", setting, coverage(setting, toy.sample, toy.score, *reps(options, 400)), options)
    with np.load(options.folder() / "mnist.npz") as data:
        digits = Digits(data)
    for name, score in (("logistic regression", digits.logistic), ("small network", digits.network)):
        for setting in REAL:
            tell(name, setting, coverage(setting, digits.sample, score, *reps(options, 100)), options)


def reps(options: Options, number: int) -> tuple[int, int]:
    """Pools, and draws that the true mean is estimated from."""
    return (4, 8) if options.quick else (number, 2 * number)


def coverage(
    setting: Setting, sample: Callable[..., list[Images]], score: Score, pools: int, fresh: int
) -> dict[str, float]:
    """Shares of the intervals that hold the mean over new pools, in percent, and their mean widths in points."""
    rng = np.random.default_rng(0)
    truth = float(np.mean([score(sample(setting.drawn, rng), rng) for _ in range(fresh)]))
    hits, widths = np.zeros(2), np.zeros(2)
    for _ in range(pools):
        pool = sample(setting.pool, rng)
        scores = np.array([score(draw(pool, setting.drawn, rng), rng) for _ in range(setting.draws)])
        for i, overlap in enumerate((0.0, setting.overlap)):
            low, high, _ = mean_interval(scores, overlap)
            hits[i] += low <= truth <= high
            widths[i] += high - low
    return {
        "plain": round(float(100 * hits[0] / pools), 1),
        "corrected": round(float(100 * hits[1] / pools), 1),
        "plain_width": round(float(100 * widths[0] / pools), 2),
        "corrected_width": round(float(100 * widths[1] / pools), 2),
    }


def draw(pool: Sequence[Images], sizes: Sequence[int], rng: np.random.Generator) -> list[Images]:
    """So many images of each class, without replacement."""
    return [images[rng.choice(len(images), n, replace=False)] for images, n in zip(pool, sizes, strict=True)]


class Toy:
    """Classes that are Gaussians around random centers in ten dimensions."""

    def __init__(self, classes: int) -> None:
        rng = np.random.default_rng(0)
        self.centers = rng.normal(size=(classes, 10))
        self.test = np.concatenate(self.sample([500] * classes, rng))
        self.labels = np.repeat(np.arange(classes), 500)

    def sample(self, sizes: Sequence[int], rng: np.random.Generator) -> list[Images]:
        """So many new images of each class."""
        return [center + rng.normal(scale=3, size=(n, 10)) for center, n in zip(self.centers, sizes, strict=True)]

    def score(self, train: Sequence[Images], _: np.random.Generator) -> float:
        """Accuracy of the nearest centroid."""
        centers = np.array([images.mean(axis=0) for images in train])
        logits = self.test @ centers.T - (centers**2).sum(axis=1) / 2
        return float((logits.argmax(axis=1) == self.labels).mean())


class Digits:
    """MNIST: the training part is the population, and 2,000 test images are scored."""

    def __init__(self, data: Any) -> None:
        images = data["train_images"].reshape(len(data["train_images"]), -1).astype(np.float32) / 255
        self.of_class = [images[data["train_labels"] == k] for k in range(10)]
        test = data["test_images"][:2000]
        self.test = test.reshape(len(test), -1).astype(np.float32) / 255
        self.labels = data["test_labels"][:2000]

    def sample(self, sizes: Sequence[int], rng: np.random.Generator) -> list[Images]:
        """So many images of each class."""
        return draw(self.of_class, sizes, rng)

    def logistic(self, train: Sequence[Images], _: np.random.Generator) -> float:
        """Accuracy of logistic regression on the pixels."""
        model = LogisticRegression(C=0.1, max_iter=100, tol=1e-3).fit(*stacked(train))
        return float((model.predict(self.test) == self.labels).mean())

    def network(self, train: Sequence[Images], rng: np.random.Generator) -> float:
        """Accuracy of a network of one hidden layer after 100 steps of 50 images."""
        torch.manual_seed(int(rng.integers(2**31)))
        images, labels = (torch.from_numpy(values) for values in stacked(train))
        net = nn.Sequential(nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)
        for _ in range(100):
            batch = torch.randint(len(images), (50,))
            optimizer.zero_grad()
            torch.autograd.backward(functional.cross_entropy(net(images[batch]), labels[batch]))
            optimizer.step()
        with torch.inference_mode():
            predicted = net(torch.from_numpy(self.test)).argmax(dim=1).numpy()
        return float((predicted == self.labels).mean())


def stacked(train: Sequence[Images]) -> tuple[Images, Int[np.ndarray, " m"]]:
    """Images of all classes, and their labels."""
    return np.concatenate(train), np.repeat(np.arange(len(train)), [len(images) for images in train])


def tell(model: str, setting: Setting, found: dict[str, float], options: Options) -> None:
    """Print and keep a row."""
    print(f"{model}, {setting.name}: {found}", flush=True)
    line = {"model": model, "setting": setting.name, "draws": setting.draws, "overlap": round(setting.overlap, 3)}
    append(TABLE, {**line, **found}, quick=options.quick)
