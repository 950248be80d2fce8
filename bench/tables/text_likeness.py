"""Whether classes whose names mean something alike look alike: Spearman's correlation over all pairs of classes.

Likeness of looks: cosines of the class means of the embedded network's features, each less the mean of all classes.
Likeness of names: cosines of the class vectors of each source. Training images alone; no source was chosen by them.
Intervals are bootstraps over classes (2.5 to 97.5 %), in which pairs of a class with itself are left out.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.stats import spearmanr

from bench.support.data import cifar100
from bench.support.options import Options
from bench.support.record import append
from handful.core.dataset import Dataset
from handful.data.images import pixels
from handful.data.splits import draw, training_split
from handful.models.text.class_vectors import class_vectors
from handful.models.text.text_source import TextSource
from handful.training.image_features import features

DATA: dict[str, Callable[..., Dataset]] = {"CIFAR-100": cifar100}  # all of whose words GloVe has
SOURCES = ("minilm", "glove", "minilm+glove")
PER_CLASS, DRAW, RESAMPLES = 20, 100, 2000


def run(options: Options) -> None:
    """Each source on the same images."""
    for title, load in DATA.items():
        data = training_split(load(options.folder()))
        images, _ = draw(data, 2 if options.quick else PER_CLASS, DRAW)
        looks = _looks(images)
        for source in SOURCES:
            names = _cosines(class_vectors(data.classes, TextSource(source)).vectors)
            low, high = _interval(looks, names)
            line = {"data": title, "source": source, "classes": len(data.classes), "images": len(images)}
            values = {"spearman": _correlation(looks, names, np.arange(len(looks))), "low": low, "high": high}
            append("text-likeness", line | {k: round(v, 4) for k, v in values.items()}, quick=options.quick)
            print(f"{title:<14} {source:<14} {values['spearman']:.3f} ({low:.3f} to {high:.3f})")


def _looks(data: Dataset) -> Float[np.ndarray, "k k"]:
    vectors = np.concatenate(list(features((pixels(s) for s in data.samples), device="cpu")))
    means = np.stack([vectors[data.labels == c].mean(axis=0) for c in range(len(data.classes))])
    return _cosines(means - means.mean(axis=0))


def _cosines(vectors: Float[np.ndarray, "k d"]) -> Float[np.ndarray, "k k"]:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines: Float[np.ndarray, "k k"] = unit @ unit.T
    return cosines


def _correlation(a: Float[np.ndarray, "k k"], b: Float[np.ndarray, "k k"], classes: np.ndarray) -> float:
    """Over the pairs of these classes; a class may occur more than once."""
    i, j = np.triu_indices(len(classes), k=1)
    rows, columns = classes[i], classes[j]
    different = rows != columns
    pairs = rows[different], columns[different]
    return float(spearmanr(a[pairs], b[pairs]).statistic)


def _interval(a: Float[np.ndarray, "k k"], b: Float[np.ndarray, "k k"]) -> tuple[float, float]:
    generator, k = np.random.default_rng(0), len(a)
    values = [_correlation(a, b, generator.integers(0, k, k)) for _ in range(RESAMPLES)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
