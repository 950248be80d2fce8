"""Label proportions: labels inferred from the class shares of bags, against all labels and against matched bag means.

A thousand training images of CIFAR-10 lie in bags of 4, 16 or 64 at random (960 in those of 64), of which only the
class shares are known: animals against vehicles, or the ten classes. Features are those of the embedded network at 128
pixels, their square roots centered and of length 1. `inferred` and `all labels` are the same logistic regression, on
the labels that `handful.training.label_proportions` infers, and on the true ones. `bag means` is the usual control: a
linear softmax layer whose mean probabilities in a bag are fitted to the bag's shares by cross-entropy (DLLP, Ardehaly
and Culotta 2017, https://arxiv.org/abs/1709.04108). Its weight decay is that of the highest accuracy on a thousand
other training images of draws 100 and 101, where the steps of `inferred` were developed too. Draws 0 to 4 are scored
on all test images.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Float32, Int
from sklearn.linear_model import LogisticRegression
from torch import nn

from bench.support.data import cifar10
from bench.support.options import Options
from bench.support.record import append
from bench.tables.bags import features
from handful.evaluation.intervals import mean_interval
from handful.training.label_proportions import infer_labels

TABLE = "proportions"
ANIMALS = ("bird", "cat", "deer", "dog", "frog", "horse")
SIZES, IMAGES, DEVELOPMENT = (4, 16, 64), 1000, (100, 101)
DECAYS, STEPS, RATE = (1e-5, 1e-4, 1e-3), 200, 0.1


@dataclass(frozen=True, eq=False)
class DrawnBags:
    """Features and labels of a draw's images, the number of each one's bag, and the images that are scored."""

    x: Float32[np.ndarray, "n c"]
    y: Int[np.ndarray, " n"]
    index: Int[np.ndarray, " n"]
    scored_x: Float32[np.ndarray, "m c"]
    scored_y: Int[np.ndarray, " m"]

    @property
    def counts(self) -> Int[np.ndarray, "b k"]:
        """Images of each class in each bag."""
        return np.stack(
            [np.bincount(self.y[self.index == b], minlength=self.y.max() + 1) for b in np.unique(self.index)]
        )

    def accuracy(self, labels: Int[np.ndarray, " n"]) -> float:
        """Of logistic regression on these labels."""
        model = LogisticRegression(C=3.0, max_iter=200).fit(self.x, labels)
        return float(model.score(self.scored_x, self.scored_y))


def run(options: Options) -> None:
    """Both tasks, with each size of bags."""
    data = cifar10(options.folder())
    x, test = features(data), np.array([s.split == "test" for s in data.samples])
    tasks = {
        "animal or vehicle": np.isin(np.array(data.classes)[data.labels], ANIMALS).astype(np.int64),
        "ten classes": data.labels,
    }
    for task, labels in tasks.items():
        for size in SIZES[1:2] if options.quick else SIZES:

            def draw(number: int, *, labels: Int[np.ndarray, " n"] = labels, size: int = size) -> DrawnBags:
                return drawn(x, labels, test, size, number)

            measure(
                {"task": task, "bag_size": size},
                draw,
                range(100, 101) if options.quick else range(options.draws),
                quick=options.quick,
            )


def drawn(
    x: Float32[np.ndarray, "n c"], labels: Int[np.ndarray, " n"], test: np.ndarray, size: int, draw: int
) -> DrawnBags:
    """Bags of images at random; a development draw is scored on other training images."""
    order = np.random.default_rng(draw).permutation(np.flatnonzero(~test))
    train = order[: IMAGES // size * size]
    scored = order[IMAGES : 2 * IMAGES] if draw >= DEVELOPMENT[0] else np.flatnonzero(test)
    root = np.sqrt(np.maximum(x, 0))
    root = root - root[train].mean(axis=0)
    root /= np.linalg.norm(root, axis=1, keepdims=True)
    return DrawnBags(root[train], labels[train], np.arange(len(train)) // size, root[scored], labels[scored])


def measure(setting: dict[str, object], draw: Callable[[int], DrawnBags], draws: range, *, quick: bool) -> None:
    """Print and record the methods, and the differences of the inferred labels to the controls."""
    developed = [draw(number) for number in DEVELOPMENT[: 1 if quick else 2]]
    decay = max(DECAYS, key=lambda d: sum(bag_means(bags, d) for bags in developed))
    rows: dict[str, list[float]] = {"all labels": [], "bag means": [], "inferred": []}
    right, seconds = [], []
    for number in draws:
        bags = draw(number)
        start = perf_counter()
        labels = infer_labels(bags.x, bags.index, bags.counts)
        seconds.append(perf_counter() - start)
        right.append(float((labels == bags.y).mean()))
        rows["inferred"].append(bags.accuracy(labels))
        rows["all labels"].append(bags.accuracy(bags.y))
        rows["bag means"].append(bag_means(bags, decay))
    for method, scores in rows.items():
        line = {**setting, "method": method, "draws": list(draws), "accuracy": scores}
        line |= {"accuracy_mean": float(np.mean(scores)), "accuracy_worst": min(scores)}
        line |= {"weight_decay": decay} if method == "bag means" else {}
        if method == "inferred":
            line |= {
                "labels": right,
                "labels_mean": float(np.mean(right)),
                "seconds": round(float(np.mean(seconds)), 1),
            }
        append(TABLE, line, quick=quick)
        print(f"{setting}, {method}: {100 * np.mean(scores):.1f}, worst {100 * min(scores):.1f}", flush=True)
    print(
        f"  labels right: {100 * np.mean(right):.1f}, {np.mean(seconds):.1f} s a draw, weight decay {decay}", flush=True
    )
    for control in ("all labels", "bag means"):
        values = np.array(rows["inferred"]) - np.array(rows[control])
        low, high, _ = mean_interval(values, OVERLAP)
        line = {
            **setting,
            "comparison": f"inferred against {control}",
            "draws": list(draws),
            "accuracy": values.tolist(),
        }
        append(TABLE, line | {"accuracy_mean": values.mean(), "accuracy_low": low, "accuracy_high": high}, quick=quick)
        print(f"  against {control}: {100 * values.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})", flush=True)


# What `mean_interval` adds to the variance: two draws of 1,000 share a fifth of the pool of 5,000
# (`handful.evaluation.design`).
OVERLAP = 0.2 / (1 - 0.2)


def bag_means(bags: DrawnBags, decay: float) -> float:
    """Accuracy of a linear layer whose mean probabilities are fitted to the shares of bags."""
    x, counts = torch.from_numpy(bags.x), torch.from_numpy(bags.counts)
    shares = counts / counts.sum(dim=1, keepdim=True)
    linear = nn.Linear(x.shape[1], counts.shape[1])
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    adam = torch.optim.Adam(linear.parameters(), RATE)
    for _ in range(STEPS):
        means = linear(x).softmax(dim=1).reshape(len(counts), -1, counts.shape[1]).mean(dim=1)
        loss = -(shares * means.clamp_min(1e-9).log()).sum(dim=1).mean() + decay * linear.weight.square().sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        guesses = linear(torch.from_numpy(bags.scored_x)).argmax(dim=1).numpy()
    return float((guesses == bags.scored_y).mean())
