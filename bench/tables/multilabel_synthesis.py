"""Synthesised features for several labels per image: LaSO, Mixup of features, and the maximum, against real ones alone.

Mosaics and draws are those of the table `multilabel`, all labels known. Each way fits logistic regression per class to
the frozen features of the embedded network at 128 pixels, and to as many synthesised ones; C is cross-validated on real
images. `laso` is the recipe's head. "maximum": the elementwise maximum of two images' features, with the union of their
labels. "Mixup": a random mixture, of which each label counts by its share. LaSO's operation was chosen on the draws 100
to 104 (none of them was ahead of real features alone); nothing was chosen on the draws 0 to 4.
"""

from time import perf_counter

import numpy as np
import torch
from jaxtyping import Float, Float32

from bench.support.data import cifar10
from bench.support.mosaics import mosaics
from bench.support.options import Options
from bench.support.record import append
from bench.tables.multilabel import POOL, SEED, TEST, drawn
from bench.tables.multilabel_losses import mean_ap
from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.tensors import Backbone
from handful.evaluation.intervals import mean_interval
from handful.parts import registry
from handful.parts.heads._feature_transform import FeatureTransform
from handful.parts.heads._fitted import FittedHead
from handful.parts.heads._regression import regression
from handful.parts.heads.laso import union
from handful.parts.heads.logistic import GRID, Logistic
from handful.recipes.load import load_recipe
from handful.training.train import train

TABLE = "multilabel-synthesis"
IMAGES = (50, 200)
WAYS = ("logistic", "Mixup", "maximum", "laso")
MIXUP = 1.0  # both parameters of the beta distribution
Features = Float32[np.ndarray, "n c"]
Targets = Float32[np.ndarray, "n k"]


class Synthesised(Logistic):
    """Logistic regression on real features and on one synthesised feature for each."""

    seed = 0

    def learn_multilabel(
        self, x: Features, targets: Targets, *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """As many made features as real ones, each of an image and a random other one."""
        rng = np.random.default_rng([self.seed, len(x)])
        partner = (np.arange(len(x)) + rng.integers(1, len(x), len(x))) % len(x)
        return self.learn_pairs(x, targets, partner, rng, strength)

    def learn_pairs(
        self, x: Features, targets: Targets, partner: np.ndarray, rng: np.random.Generator, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The arrays for these pairs."""
        raise NotImplementedError


class Maximum(Synthesised):
    """The elementwise maximum, brought to length 1, shows what either image shows."""

    def learn_pairs(
        self,
        x: Features,
        targets: Targets,
        partner: np.ndarray,
        rng: np.random.Generator,  # noqa: ARG002
        strength: float,
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Real features and maxima."""
        made = _unit(np.maximum(x, x[partner]))
        labels = union(torch.from_numpy(targets), torch.from_numpy(targets[partner])).numpy()
        return Logistic.learn_multilabel(
            self, np.concatenate([x, made]), np.concatenate([targets, labels]), strength=strength
        )


class Mixup(Synthesised):
    """Zhang et al. 2018 (https://arxiv.org/abs/1710.09412), on features; all labels are known."""

    def learn_pairs(
        self, x: Features, targets: Targets, partner: np.ndarray, rng: np.random.Generator, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """A mixture counts as present by the share of the images that show the class, and as absent by the rest."""
        share = rng.beta(MIXUP, MIXUP, (len(x), 1)).astype(np.float32)
        made = _unit(share * x + (1 - share) * x[partner])
        soft = np.concatenate([targets, share * targets + (1 - share) * targets[partner]])
        rows = np.concatenate([x, made])
        basis = np.linalg.qr(rows.T)[0] if len(rows) < rows.shape[1] else np.eye(rows.shape[1], dtype=np.float32)
        z, y = np.tile(rows @ basis, (2, 1)), np.repeat([1, 0], len(rows))
        fits = [regression(z, y, strength, weights=np.concatenate([p, 1 - p])) for p in soft.T]
        weight = np.stack([w[1] - w[0] for w, _ in fits]) @ basis.T
        return {"weight": weight, "bias": np.array([b[1] - b[0] for _, b in fits])}


def run(options: Options) -> None:
    """Each number of images, draw by draw."""
    data = cifar10(options.folder())
    pool, test = mosaics(data, "train", POOL, SEED), mosaics(data, "test", TEST, SEED)
    plan = load_recipe("logistic", overrides=("image_size=[128,128]", "head.C=1.0"))
    network = train(plan, pool.select(range(60)), device="cpu", progress=False)
    x, x_test = (torch.cat([o.features.float() for o in network.outputs(part)]) for part in (pool, test))
    draws = range(100, 101) if options.quick else range(options.draws)
    for n in IMAGES[:1] if options.quick else IMAGES:
        measure(n, (pool, x), (test, x_test), draws, quick=options.quick)


def measure(
    n: int, pool: tuple[Dataset, torch.Tensor], test: tuple[Dataset, torch.Tensor], draws: range, *, quick: bool
) -> None:
    """Print and record mean AP of each way on the same draws of n mosaics, and differences to real features alone."""
    position = {sample.id: i for i, sample in enumerate(pool[0].samples)}
    scores: dict[str, list[float]] = {}
    for name in WAYS:
        start = perf_counter()
        for draw in draws:
            part = drawn(pool[0], n, draw)
            x = pool[1][[position[sample.id] for sample in part.samples]]
            scores.setdefault(name, []).append(_score(name, x, part, test[1], test[0].targets(), draw))
        seconds = round((perf_counter() - start) / len(draws), 1)
        line = {"method": name, "images": n, "draws": list(draws), "mean_ap": scores[name], "seconds": seconds}
        append(TABLE, line | {"mean": float(np.mean(scores[name])), "worst": min(scores[name])}, quick=quick)
        print(f"{name}, {n} images: mean AP {100 * np.mean(scores[name]):.1f}, {seconds} s a draw", flush=True)
    for name in WAYS[1:]:
        differences = np.array(scores[name]) - np.array(scores[WAYS[0]])
        low, high, _ = mean_interval(differences, n / (POOL - n))
        line = {"comparison": name, "images": n, "differences": differences.tolist()}
        append(TABLE, line | {"mean": float(differences.mean()), "low": low, "high": high}, quick=quick)
        print(f"  {name}: {100 * differences.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})", flush=True)


def _score(name: str, x: torch.Tensor, part: Dataset, x_test: torch.Tensor, truth: Targets, draw: int) -> float:
    """Mean AP of a head on the test mosaics."""
    head = _head(name, x.shape[1], part, draw)
    targets = torch.from_numpy(part.targets())
    head.fit(x[:, None], torch.zeros(len(x), dtype=torch.long), seed=draw, targets=targets)
    with torch.inference_mode():
        return mean_ap(head.output(x_test).logits.numpy(), truth)


def _head(name: str, channels: int, part: Dataset, draw: int) -> FittedHead:
    """The recipe's head, or a control's, with the options of the recipe `logistic`."""
    head: FittedHead
    if name in ("logistic", "laso"):
        plan = load_recipe(name)
        task = Task(part.classes, part.counts, "multilabel")
        backbone = Backbone(torch.nn.Identity(), channels, 1)
        context = registry.make_context(plan, task, seed=draw)
        of_recipe = registry.build("heads", plan.head, context, backbone=backbone)
        assert isinstance(of_recipe, FittedHead)
        head = of_recipe
    else:
        kind = {"Mixup": Mixup, "maximum": Maximum}[name]
        head = kind(channels, len(part.classes), FeatureTransform(tukey=0.5))
        head.strengths, head.seed = GRID, draw
    head.set_multilabel()
    return head


def _unit(rows: Features) -> Features:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
