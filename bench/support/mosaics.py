"""Images with several labels: mosaics of pictures that have one, and what of their labels is known."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from handful.core.dataset import Dataset, Sample, Split

Targets = Float32[np.ndarray, "n k"]
Hide = Callable[[Targets, np.random.Generator], Targets]  # what is known of the targets
TAIL = 5.0  # how much more often a tile shows the first class than the last


def mosaics(data: Dataset, split: Split, n: int, seed: int, *, rows: int = 2, columns: int = 2) -> Dataset:
    """`n` images of rows by columns pictures of a split, which have one size; the classes are tailed.

    Where pictures have masks, the mosaics have them too, and the class of each pixel.
    """
    rng = np.random.default_rng([seed, len(split)])
    part, k = data.split(split), len(data.classes)
    members = [np.flatnonzero(part.labels == c) for c in range(k)]
    shares = TAIL ** (-np.arange(k) / (k - 1))
    samples = []
    for i in range(n):
        classes = rng.choice(k, rows * columns, p=shares / shares.sum())
        tiles = [part.samples[int(rng.choice(members[c]))] for c in classes]
        image = _grid([np.asarray(tile.image) for tile in tiles], columns)
        target = np.isin(np.arange(k), classes).astype(np.float32)
        sample = Sample(f"{split}/{i:04d}", image, target=target, split=split)
        masks = [tile.mask[None] for tile in tiles if tile.mask is not None]
        if len(masks) == len(tiles):
            labels = [mask * np.int16(c + 1) for mask, c in zip(masks, classes, strict=True)]
            mask, mask_labels = _grid(masks, columns)[0], _grid(labels, columns)[0]
            sample = replace(sample, mask=mask, mask_source="hand", mask_labels=mask_labels)
        samples.append(sample)
    return Dataset(tuple(samples), data.classes, kind="multilabel")


def _grid(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Arrays of [c h w] side by side, row by row."""
    lines = [np.concatenate(tiles[i : i + columns], axis=2) for i in range(0, len(tiles), columns)]
    return np.concatenate(lines, axis=1)


def with_known(data: Dataset, known: Targets) -> Dataset:
    """The images with other targets."""
    return replace(data, samples=tuple(replace(s, target=t) for s, t in zip(data.samples, known, strict=True)))


def some_known(targets: Targets, rng: np.random.Generator, share: float = 0.3) -> Targets:
    """The share of the entries is known: of each class as many of the present as of the absent, and one at least."""
    known = np.full_like(targets, np.nan)
    for c, column in enumerate(targets.T):
        for value in (0, 1):
            rows = rng.permutation(np.flatnonzero(column == value))
            rows = rows[: max(1, round(share * len(rows)))]
            known[rows, c] = value
    return known


def one_known(targets: Targets, rng: np.random.Generator) -> Targets:
    """Of each image one class was asked for; of each class one present and one absent entry is known at least."""
    known, free = np.full_like(targets, np.nan), np.ones(len(targets), dtype=bool)
    rarest = np.argsort(targets.sum(axis=0), kind="stable")
    asked = [(c, rng.permutation(np.flatnonzero(targets[:, c] == value))) for value in (1, 0) for c in rarest]
    for c, rows in asked:
        row = next(int(i) for i in rows if free[i])
        known[row, c], free[row] = targets[row, c], False
    for row in map(int, np.flatnonzero(free)):
        asked_class = int(rng.integers(targets.shape[1]))
        known[row, asked_class] = targets[row, asked_class]
    return known


def positives_missing(targets: Targets, rng: np.random.Generator, share: float = 0.4) -> Targets:
    """A share of the present entries is recorded as absent, as in lists that are not whole; one per class stays."""
    recorded = targets.copy()
    for c, column in enumerate(targets.T):
        rows = rng.permutation(np.flatnonzero(column == 1))
        recorded[rows[: min(round(share * len(rows)), len(rows) - 1)], c] = 0
    return recorded


def absent_where_unknown(targets: Targets) -> Targets:
    """Unknown entries taken for absent."""
    return np.asarray(np.nan_to_num(targets, nan=0.0))


KNOWN: dict[str, Hide] = {
    "30 % known": some_known,
    "one known": one_known,
    "40 % of positives missing": positives_missing,
}
