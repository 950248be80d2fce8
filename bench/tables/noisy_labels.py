"""Wrong labels on frozen features: CIFAR-10, 20 and 50 images per class, of which a share bears another class's label.

Symmetric: another class at random, 20 or 40 % of the labels; pairwise: the next class, 40 %. They are planted in the
training images of a draw alone; 200 test images of each class have their own. `logistic` chooses its C by
cross-validation on the wrong labels, as a user would; `confident-learning` removes what looks wrong first. The other
rows are a linear layer on the same features (root, centered, of length 1), trained by SGD with a loss of handful, of
which cross-entropy is the control. Weight decay, steps and the loss's own number are those of the highest
accuracy on 1,000 other training images, whose labels are as wrong, of the draws 100 and 101; draws 0 to 4 are scored
once.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from bench.support.accuracy import run_sweep, show
from bench.support.data import cifar10, few_test_images
from bench.support.options import Options
from bench.support.planting import with_noise
from bench.tables.compare_cifar import SCORED
from handful.core.context import Task
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Part, Recipe
from handful.core.tensors import Batch, Output
from handful.evaluation.protocol import Protocol, splits_of
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.parts.heads._feature_transform import FeatureTransform
from handful.recipes.load import load_recipe
from handful.training.train import train

TABLE = "noisy-labels"
PER_CLASS = (50, 20)
NOISE = (("none", 0.0), ("symmetric", 0.2), ("symmetric", 0.4), ("pairwise", 0.4))
FITTED = ("logistic", "confident-learning")
DEVELOPMENT, HELD_OUT = (100, 101), 1000
RATE, DECAYS, STEPS = 3.0, (3e-4, 1e-3, 3e-3, 1e-2), (100, 400)
TEMPERATURES = (0.1, 1.0, 10.0, 100.0)
LOSSES: dict[str, tuple[Part, ...]] = {
    "cross-entropy": (Part("cross_entropy"),),
    "generalized cross-entropy": tuple(Part("generalized_cross_entropy", {"q": q}) for q in (0.3, 0.7, 0.9)),
    "early-learning": tuple(Part("early_learning", {"strength": s}) for s in (1.0, 3.0, 7.0)),
    "LDR-KL": tuple(Part("label_distributional_robust", {"temperature": t}) for t in TEMPERATURES),
    "ALDR-KL": tuple(Part("label_distributional_robust", {"temperature": t, "adaptive": True}) for t in TEMPERATURES),
}
BATCH = 64


def run(options: Options) -> None:
    """A table for each kind and share of wrong labels."""
    data = few_test_images(cifar10(options.folder()), 10 if options.quick else SCORED)
    settings = list(itertools.product(PER_CLASS, (Noise(*noise) for noise in NOISE)))
    for per_class, noise in settings[2:3] if options.quick else settings:
        one_setting(per_class, noise, data, options)


def one_setting(per_class: int, noise: "Noise", data: Dataset, options: Options) -> None:
    """The rows at one number of images and one kind of wrong labels."""
    fitted = [replace(load_recipe(name), name=f"{noise}: {name}") for name in FITTED]
    results = run_sweep(TABLE, fitted, data, options, per_class=(per_class,), trainer=Planted(noise))
    chosen = [best(loss, noise, data, per_class, quick=options.quick) for loss in LOSSES]
    results += run_sweep(TABLE, chosen, data, options, per_class=(per_class,), trainer=PlantedLayer(noise))
    show(results, control=f"{noise}: logistic")


@dataclass(frozen=True)
class Noise:
    """How labels are made wrong."""

    kind: str
    share: float

    def __str__(self) -> str:
        return f"{self.kind} {100 * self.share:.0f} %" if self.share else self.kind

    def plant(self, data: Dataset, seed: int) -> Dataset:
        """The data with so many wrong labels, the same of one draw for every method."""
        return with_noise(data, self.share, np.random.default_rng((7, seed)), pairwise=self.kind == "pairwise")


@dataclass(frozen=True)
class Planted:
    """`handful.train` on wrong labels."""

    noise: Noise

    @property
    def name(self) -> str:
        """The word that logs hold."""
        return f"bench.noisy_labels.Planted {self.noise}"

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> Classifier:
        """The classifier that learned from them."""
        return train(recipe, self.noise.plant(data, seed), seed=seed, device=device, progress=progress)


@dataclass(frozen=True)
class PlantedLayer:
    """A linear layer on frozen features, trained on wrong labels as the first stage of a recipe says."""

    noise: Noise

    @property
    def name(self) -> str:
        """The word that logs hold."""
        return f"bench.noisy_labels.PlantedLayer {self.noise}"

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> "Layer":  # noqa: ARG002
        """The trained layer."""
        return train_layer(recipe, self.noise.plant(data, seed), seed)


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer on the features of the embedded network."""

    linear: nn.Linear
    transform: FeatureTransform
    mean: Float[Tensor, " c"]

    def probabilities(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        """Class probabilities of each sample."""
        with torch.no_grad():
            rows: np.ndarray = self.linear(self.transform(features(data), self.mean)).softmax(dim=1).numpy()
        return rows


def train_layer(recipe: Recipe, data: Dataset, seed: int) -> Layer:
    """SGD with momentum and a cosine schedule from small weights."""
    stage, transform = recipe.stages[0], FeatureTransform(tukey=0.5)
    raw, labels = features(data), torch.from_numpy(data.labels)
    mean = transform.raised(raw).mean(dim=0)
    x, k, n = transform(raw, mean), len(data.classes), len(data)
    context = registry.make_context(recipe, Task(data.classes, data.counts), seed=seed)
    loss = registry.build("losses", stage.losses[0], replace(context, images=n, stage=stage))
    linear = nn.Linear(x.shape[1], k)
    nn.init.normal_(linear.weight, std=0.01, generator=torch.Generator().manual_seed(seed))
    nn.init.zeros_(linear.bias)
    optimizer, steps = stage.optimizer, stage.steps or 0
    sgd = torch.optim.SGD(linear.parameters(), optimizer.lr, optimizer.momentum, weight_decay=optimizer.weight_decay)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, steps)
    for index in itertools.islice(_batches(n, seed), steps):
        logits = linear(x[index])
        blank = torch.zeros(len(index), 3, 1, 1)
        pixels = torch.full((len(index), 1, 1), -1)
        batch = Batch(blank, labels[index], F.one_hot(labels[index], k).float(), pixels, index)
        sgd.zero_grad()
        loss(Output(logits, logits, x[index]), batch).mean().backward()
        sgd.step()
        cosine.step()
    return Layer(linear, transform, mean)


def _batches(n: int, seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.split(torch.randperm(n, generator=generator), BATCH)


def best(loss: str, noise: Noise, data: Dataset, per_class: int, *, quick: bool) -> Recipe:
    """The recipe of the highest mean accuracy on held-out training images with labels as wrong."""
    wanted = list(_grid(loss))[: 2 if quick else None]
    scores = np.mean([_noisy_scores(wanted, noise, data, per_class, draw) for draw in DEVELOPMENT], axis=0)
    recipe = wanted[int(np.argmax(scores))]
    return replace(recipe, name=f"{noise}: {loss}")


def _grid(loss: str) -> Iterator[Recipe]:
    base = load_recipe("head-first")
    for part, decay, steps in itertools.product(LOSSES[loss], DECAYS, STEPS):
        optimizer = replace(base.stages[0].optimizer, name="sgd", lr=RATE, weight_decay=decay)
        stage = replace(base.stages[0], losses=(part,), optimizer=optimizer, steps=steps)
        yield replace(base, name=loss, augment=(), stages=(stage,), cache_views=0, batch_size=BATCH)


def _noisy_scores(wanted: Sequence[Recipe], noise: Noise, data: Dataset, per_class: int, draw: int) -> list[float]:
    (split,) = splits_of(data.split("train"), Protocol(draws=(draw,), per_class=per_class, score_on="test"))
    planted, held_out = noise.plant(split.train, draw), noise.plant(_some(split.test, draw), draw + 1000)
    images = held_out.without_labels()
    layers = (train_layer(recipe, planted, draw) for recipe in wanted)
    return [float((layer.probabilities(images).argmax(axis=1) == held_out.labels).mean()) for layer in layers]


def _some(data: Dataset, draw: int) -> Dataset:
    return data.select(np.random.default_rng(draw).permutation(len(data))[:HELD_OUT])


def features(data: Dataset) -> Float[Tensor, "n c"]:
    """Features of the embedded network; each image passes it once."""
    missing = data.select([i for i, s in enumerate(data.samples) if s.id not in _rows()])
    if len(missing):
        with torch.no_grad():
            rows = torch.cat([output.features.float() for output in _extractor().outputs(missing.without_labels())])
        _rows().update(zip(missing.ids, rows, strict=True))
    return torch.stack([_rows()[s.id] for s in data.samples])


@cache
def _rows() -> dict[str, Tensor]:
    return {}


@cache
def _extractor() -> Classifier:
    """Any classifier on the frozen network."""
    rng = np.random.default_rng(0)
    sample = Dataset(
        tuple(_blank(str(label), label, rng) for label in range(2)),
        ("one", "other"),
    )
    return train(load_recipe("nearest-centroid"), sample, seed=0, device="cpu", progress=False)


def _blank(name: str, label: int, rng: np.random.Generator) -> Sample:
    return Sample(name, rng.integers(0, 256, (3, 32, 32), dtype=np.uint8), label)
