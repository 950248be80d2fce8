"""Long-tailed draws: images per class decay exponentially, and the scored images are balanced between classes.

After Cui et al. 2019 (https://arxiv.org/abs/1901.05555) and Cao et al. 2019 (https://arxiv.org/abs/1906.07413).
"""

from collections import Counter
from typing import Literal

from handful.core.dataset import Dataset
from handful.data.splits import draw_counts, in_order, random_key
from handful.errors import DataError

Order = Literal["classes", "seeded"]


def tail_sizes(classes: int, largest: int, ratio: float) -> list[int]:
    """Images of each class by rank: largest x ratio ** (-i / (k - 1)), rounded down, but at least 1.

    With 5,000 images and a ratio of 100 these are the published numbers of CIFAR-10-LT, 5000 to 50. Where the last
    class would have less than one image, the ratio is not met.

    Raises:
        DataError: the largest class has no image, or the ratio is below 1 or not finite.
    """
    if largest < 1:
        raise DataError(f"cannot draw {largest} images of the largest class", remedy="draw 1 or more.")
    if not 1 <= ratio < float("inf"):
        raise DataError(f"a long tail cannot have the ratio {ratio:g}", remedy="give 1 or more, such as 10 or 100.")
    steps = max(1, classes - 1)
    return [max(1, int(largest * ratio ** (-i / steps) + 1e-9)) for i in range(classes)]


def tail_counts(classes: tuple[str, ...], largest: int, ratio: float, seed: int, order: Order = "classes") -> list[int]:
    """Images of each class, in class order.

    `order`: which classes are large. "classes": the first ones, as published; "seeded": in a random order of
    the seed, so that over several draws no class is always rare.

    Raises:
        DataError: as `tail_sizes`.
    """
    ranked = list(range(len(classes)))
    if order == "seeded":
        ranked.sort(key=lambda c: random_key(seed, classes[c]))
    sizes = tail_sizes(len(classes), largest, ratio)
    return [sizes[ranked.index(c)] for c in range(len(classes))]


def long_tail(
    data: Dataset, largest: int, ratio: float, seed: int, *, order: Order = "classes"
) -> tuple[Dataset, Dataset]:
    """A long-tailed draw from the training split, and the labelled rest of that split.

    With one seed and order, draws are nested: a higher ratio or a smaller largest class selects a subset of the
    images, and a ratio of 1 is `splits.draw`.

    Args:
        data: any data set; only its training split is used.
        largest: images of the largest class.
        ratio: rho, images of the largest class for each image of the smallest.
        seed: the number of the draw.
        order: as in `tail_counts`.

    Raises:
        DataError: as `tail_counts` and `splits.draw_counts`.
    """
    return draw_counts(data, tail_counts(data.classes, largest, ratio, seed, order), seed)


def class_balanced(data: Dataset, seed: int) -> Dataset:
    """A subset with equally many images of each class that occurs: as many as the rarest of them has."""
    most = min(Counter(s.label for s in data.samples).values(), default=0)
    counts: Counter[int | None] = Counter()
    selected = []
    for sample in sorted(data.samples, key=lambda s: random_key(seed, s.id)):
        if counts[sample.label] < most:
            counts[sample.label] += 1
            selected.append(sample)
    return in_order(data, selected)
