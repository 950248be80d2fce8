"""Group inference: which images belong together (one patient, burst, film), from names, EXIF and similarity.

A guess from names must show in the pictures: those that share a part of their names must be more alike than others of
their class, by a permutation test, corrected for the number of parts that were tried.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from jaxtyping import Float, Int

from handful.inspection.exif import CaptureInfo

SHUFFLES = 999
LEVEL = 0.01
ALIKE = 0.1  # mean cosine within groups, the class's mean taken off, below which a guess is not worth following
TOGETHER = 0.25  # share of the images that must have company
BURST = 10.0  # seconds between pictures of one camera
MOST = 2000  # images that are looked at


@dataclass(frozen=True)
class InferredGroups:
    """Groups inferred for the samples.

    Attributes:
        groups: name of each sample's group, None for a sample without one.
        source: what they were inferred from.
        alike: mean cosine similarity within groups, the class mean removed; NaN for bursts.
        p: p value of the permutation test, corrected for the number of sources; NaN for bursts.
    """

    groups: tuple[str | None, ...]
    source: str
    alike: float
    p: float


def infer_groups(
    ids: Sequence[str],
    labels: Int[np.ndarray, " n"],
    features: Float[np.ndarray, "n d"] | None,
    captures: Sequence[CaptureInfo | None],
    *,
    copies: Sequence[tuple[int, ...]] = (),
    seed: int = 0,
) -> InferredGroups | None:
    """Infer groups; None if nothing qualifies. Bursts need no test; names need `features`.

    Copies of a picture are alike whatever their names: only the first of each counts in the test.
    """
    bursts = _bursts(captures)
    if bursts is not None:
        return InferredGroups(bursts, "times in EXIF", float("nan"), float("nan"))
    if features is None:
        return None
    seconds = {i for own in copies for i in own[1:]}
    rows = np.array([i for i in np.flatnonzero(labels >= 0) if i not in seconds], dtype=np.int64)
    rng = np.random.default_rng(seed)
    if len(rows) > MOST:
        rows = np.sort(rng.choice(rows, MOST, replace=False))
    vectors = _residuals(features[rows], labels[rows]) if len(rows) else np.zeros((0, 1))
    tried: list[tuple[float, float, str, tuple[str | None, ...]]] = []
    for source, keys in _name_keys(ids):
        own = np.unique(np.array([keys[i] for i in rows]), return_inverse=True)[1] if len(rows) else rows
        if _worth(own, labels[rows]):
            tried.append((*_test(vectors, own, labels[rows], rng), source, _named(keys)))
    kept = [t for t in tried if t[1] * len(tried) <= LEVEL and t[0] >= ALIKE]
    if not kept:
        return None
    alike, p, source, groups = max(kept, key=lambda t: t[0])
    return InferredGroups(groups, source, alike, min(1.0, p * len(tried)))


def _bursts(captures: Sequence[CaptureInfo | None]) -> tuple[str | None, ...] | None:
    """Chains of pictures that one camera took seconds apart; None: there are hardly any."""
    timed = sorted(
        ((s.camera, s.taken, i) for i, s in enumerate(captures) if s is not None and s.taken is not None),
        key=lambda t: t[:2],
    )
    groups: list[str | None] = [None] * len(captures)
    chain: list[int] = []
    last: tuple[str, float] | None = None
    chains = []
    for camera, taken, i in timed:
        now = taken.timestamp()
        if last is None or last[0] != camera or now - last[1] > BURST:
            chain = []
            chains.append(chain)
        chain.append(i)
        last = camera, now
    for number, members in enumerate(c for c in chains if len(c) > 1):
        for i in members:
            groups[i] = f"burst-{number:04d}"
    together = sum(g is not None for g in groups)
    return tuple(groups) if together >= max(2, TOGETHER * len(captures)) else None


def _name_keys(ids: Sequence[str]) -> list[tuple[str, list[str]]]:
    """What parts of the names could name a group: sub-folders, words by place, and beginnings."""
    paths = [PurePosixPath(i) for i in ids]
    words = [re.findall(r"[A-Za-z]+|\d+", p.stem) for p in paths]
    found: list[tuple[str, list[str]]] = []
    if max(len(p.parts) for p in paths) > 2:
        found.append(("folders", [str(p.parent) for p in paths]))
    longest = min(6, max(len(w) for w in words))
    for n in range(1, longest):
        found.append(
            (f"the first {n} parts of names" if n > 1 else "the first part of names", [" ".join(w[:n]) for w in words])
        )
    for n in range(1, longest):
        found.append((f"part {n + 1} of names", [w[n] if len(w) > n else " ".join(w) for w in words]))
    distinct: dict[tuple[int, ...], tuple[str, list[str]]] = {}
    for source, keys in found:
        distinct.setdefault(tuple(np.unique(np.array(keys), return_inverse=True)[1].tolist()), (source, keys))
    return list(distinct.values())


def _worth(groups: Int[np.ndarray, " m"], labels: Int[np.ndarray, " m"]) -> bool:
    """Whether many images have company and the groups divide classes."""
    if len(groups) < 4:
        return False
    sizes = np.bincount(groups)
    together = (sizes[groups] > 1).mean() >= TOGETHER
    within = {(int(g), int(c)) for g, c in zip(groups, labels, strict=True)}
    divides = len(within) >= 1.5 * len(np.unique(labels)) and len(within) < len(groups)
    return bool(together and divides and sizes.max() <= len(groups) / 2)


def _residuals(x: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n d"]:
    """Directions from the class's mean."""
    x = x.astype(np.float64)
    for label in np.unique(labels):
        x[labels == label] -= x[labels == label].mean(axis=0)
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9))


def _test(
    vectors: Float[np.ndarray, "n d"],
    groups: Int[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Mean cosine over pairs of one group, and the share of shuffles within classes that reach it."""
    sizes = np.bincount(groups)
    pairs = (sizes * (sizes - 1)).sum()
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(groups[order]) > 0])
    members = [np.flatnonzero(labels == c) for c in np.unique(labels)]

    def alike(at: Int[np.ndarray, " n"]) -> float:
        sums = np.add.reduceat(vectors[at[order]], starts, axis=0)
        return float((np.square(sums).sum() - len(vectors)) / pairs)

    seen = alike(np.arange(len(vectors)))
    reached = 0
    for _ in range(SHUFFLES):
        at = np.arange(len(vectors))
        for own in members:
            at[own] = rng.permutation(own)
        reached += alike(at) >= seen
    return seen, (1 + reached) / (1 + SHUFFLES)


def _named(keys: Sequence[str]) -> tuple[str | None, ...]:
    counts: dict[str, int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    return tuple(key if counts[key] > 1 else None for key in keys)
