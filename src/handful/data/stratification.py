"""Draws and folds of multilabel data: every class is in each, though an image shows several.

Folds are cut by iterative stratification (Sechidis et al. 2011, https://doi.org/10.1007/978-3-642-23808-6_10): the
rarest class first, each of its images to the fold that lacks most of that class. The paper has no groups; here a group
is placed as one, with the number of its images that show each class, the largest groups first.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

TRIES = 20


def nested_draw(targets: Float[np.ndarray, "n k"], per_class: int) -> list[int]:
    """Positions of images such that `per_class` or more of them show each class.

    The draw goes in rounds. Round m takes, from the rarest class to the most common, the first images that show a class
    which fewer than m drawn ones show, so that a draw at a lower `per_class` is a part of one at a higher. The first
    round also takes an image that is known not to show a class, where no drawn one is: nothing can be learnt without.

    Args:
        targets: 1, 0 or NaN of images in the order in which they are drawn; each class in `per_class` of them at least.
        per_class: images that show each class.
    """
    present, absent = targets == 1, targets == 0
    classes = np.argsort(present.sum(axis=0), kind="stable")
    drawn: list[int] = []
    is_drawn = np.zeros(len(targets), dtype=bool)

    def take(which: np.ndarray) -> None:
        candidates = np.flatnonzero(which & ~is_drawn)
        if len(candidates):
            drawn.append(int(candidates[0]))
            is_drawn[candidates[0]] = True

    for m in range(1, per_class + 1):
        for label in classes:
            if present[is_drawn, label].sum() < m:
                take(present[:, label])
        if m == 1:
            for label in classes:
                if not absent[is_drawn, label].any():
                    take(absent[:, label])
    return drawn


def complete_folds(
    targets: Float[np.ndarray, "n k"], groups: Sequence[str], shares: Sequence[float], seed: int
) -> Int[np.ndarray, " n"]:
    """As `iterative_stratification`, of the first of `TRIES` seeds with which each class is in all folds.

    Images of two rare classes may otherwise be placed by the one, and all those of the other come into one fold. Where
    no seed does it, the folds are those of the first.
    """
    first = fold = iterative_stratification(targets, groups, shares, seed)
    for attempt in range(1, TRIES):
        shown = np.array([(targets[fold == i] == 1).any(axis=0) for i in range(len(shares))])
        if shown.all():
            return fold
        fold = iterative_stratification(targets, groups, shares, (seed, attempt))
    return first


def iterative_stratification(
    targets: Float[np.ndarray, "n k"], groups: Sequence[str], shares: Sequence[float], seed: int | Sequence[int]
) -> Int[np.ndarray, " n"]:
    """The number of the fold of each image, with the classes spread as the folds' shares are.

    Images that are known not to show a class are spread too: a class that most show is learnt from the others.

    Args:
        targets: 1, 0 or NaN for each image and class.
        groups: of the images; images of one group are in one fold.
        shares: of the images for each fold; they add up to 1.
        seed: decides between folds that lack equally much, and the order of equal groups.
    """
    rng = np.random.default_rng(seed)
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    shows = np.zeros((len(names), 2 * targets.shape[1]), dtype=np.int64)
    np.add.at(shows, member, np.concatenate([targets == 1, targets == 0], axis=1).astype(np.int64))
    sizes = np.bincount(member, minlength=len(names))
    order = rng.permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    lacking = np.asarray(shares, dtype=np.float64) * len(targets)
    lacking_of_class = np.outer(shares, shows.sum(axis=0)).astype(np.float64)
    fold = np.full(len(names), -1)

    def place(group: int, lack: Float[np.ndarray, " f"]) -> None:
        best = np.flatnonzero(np.isclose(lack, lack.max()))
        best = best[np.isclose(lacking[best], lacking[best].max())]
        chosen = int(rng.choice(best))
        fold[group] = chosen
        lacking[chosen] -= sizes[group]
        lacking_of_class[chosen] -= shows[group]

    while True:
        remaining = shows[fold < 0].sum(axis=0)
        if not remaining.any():
            break
        label = int(np.argmin(np.where(remaining > 0, remaining, np.iinfo(np.int64).max)))
        for group in order[(fold[order] < 0) & (shows[order, label] > 0)]:
            place(int(group), lacking_of_class[:, label])
    for group in order[fold[order] < 0]:
        place(int(group), lacking)
    return np.asarray(fold[member], dtype=np.int64)
