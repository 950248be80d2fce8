"""Bags of images whose label belongs to the bag: max pooling, attention and INS against mean pooling, frozen features.

Bags of ten images of CIFAR-10, half of them positive: one, two or five images of the positive class and the rest of the
others; a negative bag has none of that class, and no image is in two bags. The positive class is the draw's number
(modulo ten).
The heads are those of the recipes, fitted to the features of the recipes' network at 128 pixels, which are computed
once. Area under the ROC curve of test bags, and of their images by the log-odds that an image has as a bag of its own.
Nothing was chosen on the draws 0 to 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from sklearn.metrics import roc_auc_score

from bench.support.data import cifar10
from bench.support.options import Options
from bench.support.record import append
from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.tensors import Backbone
from handful.data.in_memory import chunks
from handful.evaluation.intervals import mean_interval
from handful.models.device import autocast
from handful.parts import registry
from handful.parts.heads._bags import BagHead
from handful.recipes.load import load_recipe

TABLE = "bags"
RECIPES = ("bag-mean", "bag-max", "bag-attention", "bag-contrast")
COMPARISONS = (*((recipe, "bag-mean") for recipe in RECIPES[1:]), ("bag-contrast", "bag-max"))
SETTINGS = ((20, 1), (60, 1), (200, 1), (60, 2), (60, 5))  # training bags, and positive images of a positive bag
TEST_BAGS, SIZE = 200, 10
METRICS = ("bag_auc", "bag_accuracy", "image_auc")
TASK = Task(("negative", "positive"), np.ones(2, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class DrawnBags:
    """Features of images, the number of each image's bag, labels of bags, and which images are positive."""

    x: Float32[np.ndarray, "n c"]
    index: Int[np.ndarray, " n"]
    labels: Int[np.ndarray, " b"]
    positive: Int[np.ndarray, " n"]


@dataclass(frozen=True)
class Setting:
    """The number of training bags, and of the positive images of a positive bag."""

    bags: int
    positive: int

    @property
    def fields(self) -> dict[str, int]:
        """The fields of a logged line."""
        return {"bags": self.bags, "positive": self.positive}


def run(options: Options) -> None:
    """Each setting, draw by draw."""
    data = cifar10(options.folder())
    x = features(data)
    draws = range(100, 101) if options.quick else range(options.draws)
    for setting in (Setting(*values) for values in (SETTINGS[:1] if options.quick else SETTINGS)):
        rows = {recipe: measure(recipe, data, x, setting, draws, quick=options.quick) for recipe in RECIPES}
        for recipe, control in COMPARISONS:
            differences = rows[recipe] - rows[control]
            compare(f"{recipe} against {control}", differences, data, setting, draws, quick=options.quick)


def measure(
    recipe: str, data: Dataset, x: Float32[np.ndarray, "n c"], setting: Setting, draws: range, *, quick: bool
) -> Float[np.ndarray, "r m"]:
    """Print and record the metrics of a recipe in each draw."""
    start = perf_counter()
    values = np.array([scores(recipe, data, x, setting, draw) for draw in draws])
    seconds = (perf_counter() - start) / len(draws)
    line = {"recipe": recipe, **setting.fields, "draws": list(draws), "seconds": round(seconds, 1)}
    record_scores(line, values, said=f"{recipe}, {setting}", quick=quick)
    return values


def record_scores(
    line: dict[str, Any],
    values: Float[np.ndarray, "r m"],
    *,
    said: str,
    quick: bool,
    table: str = TABLE,
    metrics: Sequence[str] = METRICS,
) -> None:
    """Print and record the metrics of each draw, after the fields of the line, which has the seconds of a draw.

    Args:
        line: those fields.
        values: of draws and metrics.
        said: what they are of.
        quick: print them only.
        table: whose log they go to.
        metrics: their names.
    """
    for name, column in zip(metrics, values.T, strict=True):
        line |= {name: column.tolist(), f"{name}_mean": column.mean(), f"{name}_worst": column.min()}
    append(table, line, quick=quick)
    text = ", ".join(f"{name} {100 * value:.1f}" for name, value in zip(metrics, values.mean(axis=0), strict=True))
    print(f"{said}: {text}, {line['seconds']:.1f} s a draw", flush=True)


def compare(
    comparison: str,
    differences: Float[np.ndarray, "r m"],
    data: Dataset,
    setting: Setting,
    draws: Sequence[int],
    *,
    quick: bool,
    table: str = TABLE,
    metrics: Sequence[str] = METRICS,
) -> None:
    """Print and record the differences of two methods, draw by draw; `table` and `metrics` as for `record_scores`."""
    line = {"comparison": comparison, **setting.fields, "draws": list(draws)}
    for name, values in zip(metrics, differences.T, strict=True):
        low, high, _ = mean_interval(values, overlap(data, setting))
        line |= {name: values.tolist(), f"{name}_mean": values.mean(), f"{name}_low": low, f"{name}_high": high}
        print(f"  {comparison}, {name}: {100 * values.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})", flush=True)
    append(table, line, quick=quick)


def overlap(data: Dataset, setting: Setting) -> float:
    """What `mean_interval` adds to the variance, as draws share images (`handful.evaluation.design`).

    Two draws share a part of the others' pool; the positive classes of draws below ten differ, and share none.
    """
    positives = setting.positive * (setting.bags // 2)
    others = setting.bags * SIZE - positives
    pool = 0.9 * len(data.split("train"))  # of ten classes of one size, nine are the others
    share = (1 / pool) / (1 / others + 1 / positives)
    return share / (1 - share)


def scores(recipe: str, data: Dataset, x: Float32[np.ndarray, "n c"], setting: Setting, draw: int) -> tuple[float, ...]:
    """The metrics of one draw on its test bags."""
    train = drawn(data, x, "train", setting, draw)
    test = drawn(data, x, "test", Setting(TEST_BAGS, setting.positive), draw)
    plan = load_recipe(recipe)
    backbone = Backbone(torch.nn.Identity(), x.shape[1], 1)
    head = registry.build("heads", plan.head, registry.make_context(plan, TASK, seed=draw), backbone=backbone)
    assert isinstance(head, BagHead)
    labels, index = torch.from_numpy(train.labels[train.index]), torch.from_numpy(train.index)
    head.fit_bags(torch.from_numpy(train.x)[:, None], labels, index, seed=draw)
    with torch.inference_mode():
        output = head.output(torch.from_numpy(test.x))
        logits = head.bag_logits(output.logits, output.attention, torch.from_numpy(test.index), TEST_BAGS)
    bags, images = (each[:, 1].sub(each[:, 0]).numpy() for each in (logits, output.logits))
    accuracy = float(((bags > 0) == test.labels).mean())
    return float(roc_auc_score(test.labels, bags)), accuracy, float(roc_auc_score(test.positive, images))


def drawn(data: Dataset, x: Float32[np.ndarray, "n c"], split: str, setting: Setting, draw: int) -> DrawnBags:
    """Bags, every second of them positive; of fewer bags they are the first ones."""
    rng = np.random.default_rng([draw, split == "test"])
    within = np.flatnonzero([sample.split == split for sample in data.samples])
    is_positive = data.labels[within] == draw % 10
    positives, others = (list(rng.permutation(within[which])) for which in (is_positive, ~is_positive))
    labels = np.arange(setting.bags) % 2
    chosen, positive = [], []
    for label in labels:
        k = setting.positive * int(label)
        chosen += [*(positives.pop() for _ in range(k)), *(others.pop() for _ in range(SIZE - k))]
        positive += [1] * k + [0] * (SIZE - k)
    return DrawnBags(x[chosen], np.repeat(np.arange(setting.bags), SIZE), labels, np.array(positive))


def features(data: Dataset) -> Float32[np.ndarray, "n c"]:
    """Features of all images by the recipes' network at 128 pixels."""
    plan = load_recipe("logistic", overrides=("image_size=[128,128]",))
    network = registry.build_network(plan, registry.make_context(plan, TASK)).eval().requires_grad_(False)
    found = []
    with torch.inference_mode(), autocast(plan.precision, torch.device("cpu")):
        for images in chunks(data.samples, size=(128, 128), resize=plan.resize, length=64):
            found.append(network.features(images.float().div_(255)).float().numpy())
    return np.concatenate(found)
