"""Near-duplicate detection: perceptual hashes propose pairs, pixels decide, features settle the doubtful ones.

A pair counts when its hashes differ in few bits and its pixels differ far less than either differs from its fifth
neighbor (the ratio test of Lowe 2004, https://doi.org/10.1023/B:VISI.0000029664.99615.94): in a set whose pictures
are all alike, such as digits or retinas, no fixed distance would do. The constants were chosen on copies planted in
real data by seeds 100 and up (`python -m bench inspect-faults` measures on others).

Among many pictures of low intrinsic dimension such a pair comes about by chance: where pictures lie as a Poisson
process of dimension d, the d-th power of the ratio of the first to the fifth neighbor's distance has the distribution
Beta(1, 4). So no ratio counts that is to be expected `CHANCE` times or more among so many pictures. Of 20,000 digits
(d = 12) only the very near remain, of 10,000 photographs (d = 27) all.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from handful.inspection.image_statistics import ImageStatistics
from handful.inspection.perceptual_hash import close_pairs

BITS = 10  # of 64 may differ
MOST = 0.06  # largest 1 - correlation of the pixels at 32 x 32
SURE, LIKELY = 0.2, 0.35  # of the distance to the fifth neighbor: enough alone, enough where features agree
TINY = 1e-6  # least distance
NEIGHBOURS = 10  # features agree where one is among the other's nearest
FEW = 0.05  # stands for the fifth neighbor where there is none
CHANCE = 0.5  # pairs that may be expected by chance
FAR = 20  # neighbors that tell the dimension, a tenth of the pictures at most; half of them may be copies
LOOKED = 256  # pictures whose neighbors are
BLANK = 2.0  # standard deviation of gray values, 0..255, below which every picture looks the same


def find_near_duplicates(
    statistics: ImageStatistics, features: Float[np.ndarray, "n c"] | None
) -> list[tuple[int, ...]]:
    """Sets of near duplicates, exact ones among them, as sorted positions; ordered by the first of each set."""
    pairs = [*_exact_pairs(statistics.hashes), *((int(i), int(j)) for i, j in _near_pairs(statistics, features))]
    return connected_sets(pairs)


def blank_images(statistics: ImageStatistics) -> Bool[np.ndarray, " n"]:
    """Which images are blank, that is, have no content to compare."""
    spread: Bool[np.ndarray, " n"] = statistics.gray.reshape(len(statistics), -1).std(axis=1) < BLANK
    return spread


def _exact_pairs(hashes: tuple[str, ...]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    return [(first[h], i) for i, h in enumerate(hashes) if first.setdefault(h, i) != i]


def _near_pairs(statistics: ImageStatistics, features: Float[np.ndarray, "n c"] | None) -> Int[np.ndarray, "m 2"]:
    rows = np.flatnonzero(~blank_images(statistics))
    pairs: Int[np.ndarray, "m 2"] = rows[close_pairs(statistics.bits[rows], BITS)]
    if not len(pairs):
        return pairs
    vectors = _standardized(statistics.small.reshape(len(statistics), -1).astype(np.float32))
    i, j = pairs.T
    distance = 1 - np.concatenate(
        [np.einsum("nd,nd->n", vectors[i[s : s + 4096]], vectors[j[s : s + 4096]]) for s in range(0, len(i), 4096)]
    )
    near = distance <= MOST
    i, j, distance = i[near], j[near], distance[near]
    if not len(i):
        return np.zeros((0, 2), np.int64)
    others = vectors[rows]
    usual = _fifth_neighbor_distance(vectors, np.unique([i, j]), others)
    limit = np.minimum(usual[i], usual[j])
    rare = _chance_ratio(others)
    sure = distance <= min(SURE, rare) * limit
    if features is not None:
        likely = np.flatnonzero(~sure & (distance <= min(LIKELY, rare) * limit))
        sure[likely] = _are_neighbors(features, np.stack([i[likely], j[likely]], axis=1))
    return np.stack([i[sure], j[sure]], axis=1)


def _standardized(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    x = x - x.mean(axis=1, keepdims=True)
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6))


def _fifth_neighbor_distance(
    vectors: Float[np.ndarray, "n d"], wanted: Int[np.ndarray, " m"], others: Float[np.ndarray, "k d"]
) -> Float[np.ndarray, " n"]:
    """Distance of each wanted vector to its fifth neighbor among the others, itself one of them."""
    usual = np.full(len(vectors), FEW, np.float32)
    if len(others) > 5:
        for start in range(0, len(wanted), 1024):
            rows = wanted[start : start + 1024]
            distance = 1 - vectors[rows] @ others.T
            usual[rows] = np.partition(distance, 5, axis=1)[:, 5]  # the nearest is the picture itself
    return usual


def _chance_ratio(vectors: Float[np.ndarray, "n d"]) -> float:
    """Ratio of the first to the fifth neighbor's distance that `CHANCE` pairs of so many pictures keep below.

    (T_k / T_2k) ** d has the distribution Beta(k, k), whose median is 1/2: so the dimension d is log 2 over the median
    of log(T_2k / T_k), which a few copies of every picture do not change. `1 - correlation` goes with the square of
    the distance.
    """
    n = len(vectors)
    near = min(FAR, n // 10) // 2
    if not near:
        return 1.0
    rows = np.linspace(0, n - 1, min(n, LOOKED)).astype(np.int64)
    distance = np.partition(1 - vectors[rows] @ vectors.T, (near, 2 * near), axis=1)  # the nearest is itself
    ratios = np.maximum(distance[:, 2 * near], TINY) / np.maximum(distance[:, near], TINY)
    inverse = float(np.median(np.log(ratios))) / np.log(2)  # 2 / d
    return float((1 - (1 - min(CHANCE / n, 1)) ** (1 / 4)) ** inverse)


def _are_neighbors(features: Float[np.ndarray, "n c"], pairs: Int[np.ndarray, "m 2"]) -> Bool[np.ndarray, " m"]:
    """Whether one of each pair is among the other's nearest by the cosine of centered features."""
    vectors = features - features.mean(axis=0)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    agree = np.zeros(len(pairs), dtype=bool)
    for column in (0, 1):
        for start in range(0, len(pairs), 1024):
            own, other = pairs[start : start + 1024, column], pairs[start : start + 1024, 1 - column]
            cosine = vectors[own] @ vectors.T
            score = cosine[np.arange(len(own)), other]
            agree[start : start + 1024] |= (cosine > score[:, None]).sum(axis=1) <= NEIGHBOURS
    return agree


def connected_sets(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The connected components of a graph with these edges."""
    root: dict[int, int] = {}

    def top(i: int) -> int:
        while root.setdefault(i, i) != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for i, j in pairs:
        a, b = sorted((top(i), top(j)))
        root[b] = a
    sets: dict[int, list[int]] = {}
    for i in sorted(root):
        sets.setdefault(top(i), []).append(i)
    return [tuple(own) for own in sets.values()]
