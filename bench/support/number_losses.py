"""Losses for numbers of which some are rare, each on the same frozen features and the same small network.

A hidden layer of 128 units and a linear one are trained by gradient (AdamW, all images in a batch). Each loss has its
own weight decay, that of least absolute error in two folds of the training images. Errors are of all scored images, and
of the third whose numbers are rarest among the training images, by their kernel density.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.core.standardization import Scale
from handful.core.tensors import Batch, Output
from handful.parts import registry
from handful.parts.heads._numbers import folds_by_rank
from handful.parts.losses._density import DensityWeights
from handful.recipes.load import load_recipe
from handful.training.train import train

HIDDEN, STEPS, FOLDS, RATE = 128, 300, 2, 0.003
DECAYS = (1e-4, 1e-3, 1e-2)  # by which share the weights shrink in a step
LOSSES = {
    "squared error": (Part("cross_entropy"),),
    "absolute error": (Part("absolute_error"),),
    "absolute error, root of density": (Part("absolute_error", {"reweight": "square_root"}),),
    "absolute error, density": (Part("absolute_error", {"reweight": "inverse"}),),
    "absolute error, ConR": (Part("absolute_error"), Part("conr", {"reweight": "square_root"}, weight=4.0)),
}
Features = Float32[np.ndarray, "n c"]


@dataclass(frozen=True)
class Errors:
    """Mean absolute errors of the scored images: of all, and of the third with the rarest numbers."""

    all: float
    rare: float


def frozen_features(data: Dataset, side: int) -> Features:
    """Features of the embedded network, of length 1 times the root of their number."""
    plan = load_recipe("ridge", overrides=(f"image_size=[{side},{side}]",))
    network = train(plan, data.select(range(40)), device="cpu", progress=False)
    rows = torch.cat([output.features.float() for output in network.outputs(data)]).numpy()
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True) * np.sqrt(rows.shape[1]), dtype=np.float32)


def errors_of(
    losses: tuple[Part, ...], data: Dataset, x: Features, trained: np.ndarray, scored: np.ndarray, seed: int
) -> Errors:
    """Errors at the weight decay that is best in cross-validation.

    Args:
        losses: that are summed.
        data: all images.
        x: their features.
        trained: positions of the training images.
        scored: positions of the others that are scored.
        seed: of the folds and the initial weights.
    """
    values = data.targets()
    fold = folds_by_rank(values[trained, 0], FOLDS, seed)
    found = []
    for decay in DECAYS:
        each = [
            _absolute(losses, data, x, trained[fold != f], trained[fold == f], decay, seed).mean() for f in range(FOLDS)
        ]
        found.append(float(np.mean(each)))
    error = _absolute(losses, data, x, trained, scored, DECAYS[int(np.argmin(found))], seed)
    rare = rarest_third(values[trained, 0], values[scored, 0])
    return Errors(float(error.mean()), float(error[rare].mean()))


def rarest_third(train_values: Float[np.ndarray, " m"], values: Float[np.ndarray, " n"]) -> np.ndarray:
    """Positions of the third of the values that are rarest among the training values."""
    deviation = train_values.std()
    weights = DensityWeights(torch.from_numpy(train_values / deviation)[:, None], len(train_values) ** -0.2, 1.0)
    rarity = weights(torch.from_numpy(values / deviation)[:, None], torch.ones(len(values), 1, dtype=torch.bool))
    return np.argsort(-rarity[:, 0].numpy(), kind="stable")[: len(values) // 3]


def _absolute(
    losses: tuple[Part, ...],
    data: Dataset,
    x: Features,
    trained: np.ndarray,
    scored: np.ndarray,
    decay: float,
    seed: int,
) -> Float[np.ndarray, " n"]:
    """Absolute error of each scored image."""
    values = data.targets()
    mean, deviation = float(values[trained].mean()), float(values[trained].std())
    predicted = _fitted(losses, data.select(trained), x[trained], Scale((mean,), (deviation,)), decay, seed)(x[scored])
    return np.asarray(np.abs(predicted * deviation + mean - values[scored, 0]))


def _fitted(losses: tuple[Part, ...], data: Dataset, x: Features, scale: Scale, decay: float, seed: int):  # type: ignore[no-untyped-def]
    """A function from features to numbers in deviations."""
    torch.manual_seed(seed)
    task = Task(data.classes, np.array([len(data)]), "number", scale)
    context = registry.make_context(
        load_recipe("fine-tuned"), task, seed=seed, fit=None, load=None, named=None, data=data
    )
    built = [(registry.build("losses", part, context), part.weight) for part in losses]
    hidden, last = nn.Linear(x.shape[1], HIDDEN), nn.Linear(HIDDEN, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    network = nn.ModuleList([hidden, last])
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=decay / RATE)
    features, targets = torch.from_numpy(x), torch.from_numpy(data.targets())
    labels = torch.zeros(len(x), dtype=torch.int64)
    batch = Batch(features[:, :, None, None], labels, targets, torch.zeros(0), known=~targets.isnan())
    for _ in range(STEPS):
        inner = hidden(features).relu()
        logits: Tensor = last(inner)
        optimizer.zero_grad()
        output = Output(inner, logits, inner, None)
        sum(weight * loss(output, batch).mean() for loss, weight in built).backward()
        optimizer.step()

    def predict(rows: Features) -> Float[np.ndarray, " n"]:
        with torch.no_grad():
            return np.asarray(last(hidden(torch.from_numpy(rows)).relu())[:, 0].numpy())

    return predict
