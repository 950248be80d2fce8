"""Losses for numbers of which some are rare, each on the same frozen features and the same small network.

A hidden layer of 128 units and a linear one are trained by gradient (AdamW, all images in a batch). Each loss has its
own weight decay, that of least absolute error in two folds of the training images. Errors are of all scored images, and
of the third whose numbers are rarest among the training images, by their kernel density. `random_settings` draws
settings for a search on development draws: rate, steps and weight decay, and what each loss has besides.
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
class Setting:
    """Losses that are summed, and how the network is trained; `decay`: by which share weights shrink in a step."""

    losses: tuple[Part, ...]
    decay: float
    rate: float = RATE
    steps: int = STEPS


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
        setting = Setting(losses, decay)
        each = [_absolute(setting, data, x, trained[fold != f], trained[fold == f], seed).mean() for f in range(FOLDS)]
        found.append(float(np.mean(each)))
    return errors_at(Setting(losses, DECAYS[int(np.argmin(found))]), data, x, trained, scored, seed)


def errors_at(
    setting: Setting, data: Dataset, x: Features, trained: np.ndarray, scored: np.ndarray, seed: int
) -> Errors:
    """Errors at a setting; the arguments are those of `errors_of`."""
    values = data.targets()
    error = _absolute(setting, data, x, trained, scored, seed)
    rare = rarest_third(values[trained, 0], values[scored, 0])
    return Errors(float(error.mean()), float(error[rare].mean()))


def random_settings(loss: str, number: int, seed: int = 0) -> list[Setting]:
    """Settings of a loss, drawn at random: "absolute error", with or without weights by density, or "ConR" besides.

    Args:
        loss: one of the two.
        number: how many.
        seed: of the draw.
    """
    rng = np.random.default_rng([seed, loss == "ConR"])
    settings = []
    for _ in range(number):
        reweight = str(rng.choice(["none", "square_root", "inverse"]))
        losses: tuple[Part, ...] = (Part("absolute_error", {} if reweight == "none" else {"reweight": reweight}),)
        if loss == "ConR":
            options = {
                "reweight": "square_root",
                "width": _log_uniform(rng, 0.05, 0.5),
                "temperature": _log_uniform(rng, 0.07, 1.0),
            }
            losses += (Part("conr", options, weight=_log_uniform(rng, 0.03, 4.0)),)
        rate, steps = _log_uniform(rng, 3e-4, 0.01), int(rng.choice([150, 300, 600]))
        settings.append(Setting(losses, _log_uniform(rng, 1e-4, 0.03), rate, steps))
    return settings


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.round(np.exp(rng.uniform(np.log(low), np.log(high))), 5))


def rarest_third(train_values: Float[np.ndarray, " m"], values: Float[np.ndarray, " n"]) -> np.ndarray:
    """Positions of the third of the values that are rarest among the training values."""
    deviation = train_values.std()
    weights = DensityWeights(torch.from_numpy(train_values / deviation)[:, None], len(train_values) ** -0.2, 1.0)
    rarity = weights(torch.from_numpy(values / deviation)[:, None], torch.ones(len(values), 1, dtype=torch.bool))
    return np.argsort(-rarity[:, 0].numpy(), kind="stable")[: len(values) // 3]


def _absolute(
    setting: Setting, data: Dataset, x: Features, trained: np.ndarray, scored: np.ndarray, seed: int
) -> Float[np.ndarray, " n"]:
    """Absolute error of each scored image."""
    values = data.targets()
    mean, deviation = float(values[trained].mean()), float(values[trained].std())
    predicted = _fitted(setting, data.select(trained), x[trained], Scale((mean,), (deviation,)), seed)(x[scored])
    return np.asarray(np.abs(predicted * deviation + mean - values[scored, 0]))


def _fitted(setting: Setting, data: Dataset, x: Features, scale: Scale, seed: int):  # type: ignore[no-untyped-def]
    """A function from features to numbers in deviations."""
    torch.manual_seed(seed)
    task = Task(data.classes, np.array([len(data)]), "number", scale)
    context = registry.make_context(
        load_recipe("fine-tuned"), task, seed=seed, fit=None, load=None, named=None, data=data
    )
    built = [(registry.build("losses", part, context), part.weight) for part in setting.losses]
    hidden, last = nn.Linear(x.shape[1], HIDDEN), nn.Linear(HIDDEN, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    network = nn.ModuleList([hidden, last])
    optimizer = torch.optim.AdamW(network.parameters(), lr=setting.rate, weight_decay=setting.decay / setting.rate)
    features, targets = torch.from_numpy(x), torch.from_numpy(data.targets())
    labels = torch.zeros(len(x), dtype=torch.int64)
    nothing = torch.zeros(len(x), 3, 1, 1), torch.full((len(x), 1, 1), -1)  # images and their masks: no loss reads them
    batch = Batch(nothing[0], labels, targets, nothing[1], known=~targets.isnan())
    for _ in range(setting.steps):
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
