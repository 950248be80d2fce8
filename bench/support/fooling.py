"""Fooling images (Nguyen, Yosinski and Clune 2015, https://arxiv.org/abs/1412.1897) and random noise.

Each maker gives images that the classifier names with as high a probability as it can reach; what it is allowed to know
is the network without any rejection.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from handful.core.dataset import Dataset, Sample
from handful.models.classifier import Classifier
from handful.models.device import autocast

Images = UInt8[np.ndarray, "n 3 h w"]


def noise(shape: tuple[int, int, int], rng: np.random.Generator) -> Images:
    """Uniform noise, every pixel and channel by itself."""
    n, h, w = shape
    return rng.integers(0, 256, (n, 3, h, w), dtype=np.uint8)


def gradient_ascent(
    classifier: Classifier,
    wanted: Float[np.ndarray, " n"],
    rng: np.random.Generator,
    *,
    steps: int = 60,
    rate: float = 0.05,
) -> Images:
    """Grey images with a little noise, moved up the gradient of the wanted class's log probability (section 2, 3.3)."""
    h, w = classifier.size
    start = 0.5 + 0.05 * rng.standard_normal((len(wanted), 3, h, w))
    images = torch.tensor(start, dtype=torch.float32).clamp(0, 1).requires_grad_()
    classes = torch.from_numpy(wanted)
    optimizer = torch.optim.Adam([images], lr=rate)
    network = classifier.network.eval()
    for _ in range(steps):
        with torch.enable_grad(), autocast(classifier.recipe.precision, classifier.device):
            loss = F.cross_entropy(network(images).logits.float(), classes, reduction="sum")
        (images.grad,) = torch.autograd.grad(loss, images)
        optimizer.step()
        with torch.no_grad():
            images.clamp_(0, 1)
    return _bytes(images.detach())


def evolved(
    classifier: Classifier,
    wanted: Float[np.ndarray, " n"],
    rng: np.random.Generator,
    *,
    generations: int,
    patterns: bool,
) -> Images:
    """Evolution with the wanted class's probability as fitness: each child replaces its parent where it is no worse.

    `patterns`: sums of coloured waves, discs and gradients, whose numbers are mutated, in the place of the paper's
    CPPNs; else the paper's direct encoding: pixels are mutated, one in ten, the rate halved every 1,000 generations.
    """
    h, w = classifier.size
    n = len(wanted)
    genes = rng.standard_normal((n, 8, 9)) if patterns else rng.integers(0, 256, (n, 3, h, w)).astype(np.float64)
    draw: Callable[[np.ndarray], Images] = (lambda g: _drawn(g, h, w)) if patterns else (lambda g: g.astype(np.uint8))
    best = _fitness(classifier, draw(genes), wanted)
    for generation in range(generations):
        changed = rng.random(genes.shape) < (0.2 if patterns else 0.1 / 2 ** (generation / 1000))
        step = rng.standard_normal(genes.shape) * (0.5 if patterns else 32.0)
        child = genes + changed * step if patterns else np.clip(genes + changed * step, 0, 255)
        found = _fitness(classifier, draw(child), wanted)
        better = found >= best
        genes[better], best = child[better], np.maximum(best, found)
    return draw(genes)


def as_dataset(images: Images, classes: tuple[str, ...]) -> Dataset:
    """Images without labels."""
    return Dataset(tuple(Sample(f"{i}", image) for i, image in enumerate(images)), classes)


def _fitness(classifier: Classifier, images: Images, wanted: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    rows = classifier.probabilities(as_dataset(images, classifier.classes))
    return np.asarray(rows[np.arange(len(rows)), wanted], dtype=np.float64)


def _drawn(genes: np.ndarray, h: int, w: int) -> Images:
    """Each layer: a wave along a direction, around a centre, in a colour; summed and squashed to 0 to 255."""
    y, x = np.meshgrid(np.linspace(-1, 1, h), np.linspace(-1, 1, w), indexing="ij")
    total = np.zeros((len(genes), 3, h, w))
    for layer in genes.transpose(1, 0, 2):
        a, b, radius, phase, cx, cy = (layer[:, i, None, None] for i in range(6))
        distance = np.hypot(x - cx, y - cy)
        wave = np.sin(4 * (a * x + b * y) + 6 * radius * distance + 3 * phase)
        total += layer[:, 6:9, None, None] * wave[:, None]
    return np.asarray(255 / (1 + np.exp(-total)), dtype=np.uint8)


def _bytes(images: Float[Tensor, "n 3 h w"]) -> Images:
    return (255 * images).round().to(torch.uint8).numpy()
