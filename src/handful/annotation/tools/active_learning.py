"""Query strategies of active learning: which image to annotate next.

- "balanced": pseudo-class balance (PCB, Bang et al. 2024, https://arxiv.org/abs/2311.11178), the image that the class
  names claim most surely for the class with fewest labels; then "diverse".
- "diverse": the k-center choice (farthest-first traversal, Gonzalez 1985; Sener and Savarese 2018,
  https://arxiv.org/abs/1708.00489) on features, within the class that has fewest annotated images; where labels are
  missing, the class is that of the nearest mean of the labelled images.
- "typical": TypiClust (Hacohen, Dekel and Weinshall 2022, https://arxiv.org/abs/2202.02794), the most typical image
  of a cluster without annotated images.
- "uncertain": the image whose propagated mask is least certain.
- "influential": expected gradient length (Settles et al. 2008,
  https://papers.nips.cc/paper/3252-multiple-instance-active-learning), i.e. the image that is expected to change the
  classifier's last layer most.
- "random" and "listed": the controls.

docs/results.md compares them.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import euclidean_distances

Strategy = Literal["balanced", "diverse", "typical", "random", "uncertain", "influential", "listed"]
FIRST_LABELS = 5  # per class, after which "balanced" goes on as "diverse"
MAX_CLUSTERS, MIN_CLUSTER_SIZE, NEIGHBORS = 500, 5, 20  # as in the paper


def assign_classes(features: Float[np.ndarray, "n c"], labels: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """A class for every image: its label, else the nearest class mean; -1 if no image is labelled."""
    labelled_classes = np.unique(labels[labels >= 0])
    if not len(labelled_classes):
        return labels.copy()
    unit = _normalize(features)
    means = np.stack([unit[labels == c].mean(axis=0) for c in labelled_classes])
    nearest = labelled_classes[np.argmax(unit @ means.T - (means**2).sum(axis=1) / 2, axis=1)]
    return np.where(labels >= 0, labels, nearest)


def balanced(
    probabilities: Float[np.ndarray, "n k"], labels: Int[np.ndarray, " n"], candidates: Bool[np.ndarray, " n"]
) -> int | None:
    """Index of the candidate to label next; None without candidates.

    Of the classes that are the most probable one of a candidate, the one with fewest labels is taken, and of its
    candidates the most probable.

    Args:
        probabilities: of each class, before the images were seen by anybody.
        labels: of all images; -1: unknown.
        candidates: images to choose from.
    """
    if not candidates.any():
        return None
    likely = probabilities.argmax(axis=1)
    counts = np.bincount(labels[labels >= 0], minlength=probabilities.shape[1])
    classes = np.unique(likely[candidates])
    choice = classes[np.argmin(counts[classes])]
    return int(np.argmax(np.where(candidates & (likely == choice), probabilities[:, choice], -np.inf)))


def diverse(
    features: Float[np.ndarray, "n c"],
    classes: Int[np.ndarray, " n"],
    done: Bool[np.ndarray, " n"],
    candidates: Bool[np.ndarray, " n"],
) -> int | None:
    """Index of the candidate to annotate next; None without candidates.

    Its class is the one with fewest annotated images. Within the class, it is the image farthest from the annotated
    ones or, while there are none, the one nearest to the class mean.

    Args:
        features: of all images.
        classes: of all images, as `assign_classes` gives them; -1 (unknown) counts as a class.
        done: images that are annotated.
        candidates: images to choose from.
    """
    members = rarest_class(classes, done, candidates)
    if members is None:
        return None
    unit = _normalize(features)
    positions, centers = np.flatnonzero(candidates & members), unit[done & members]
    if not len(centers):
        mean = unit[members].mean(axis=0)
        return int(positions[np.argmax(unit[positions] @ mean)])
    similarity = (unit[positions] @ centers.T).max(axis=1)
    return int(positions[np.argmin(similarity)])


def typical(
    features: Float[np.ndarray, "n c"],
    classes: Int[np.ndarray, " n"],
    done: Bool[np.ndarray, " n"],
    candidates: Bool[np.ndarray, " n"],
) -> int | None:
    """Index of the candidate to annotate next; None without candidates.

    Its class is the one with fewest annotated images (the paper's strategy knows no classes). The images of the class
    are split into one cluster more than the class has annotated images. Of the clusters with fewest annotated images,
    the largest is taken, and in it the candidate with the least mean distance to its 20 nearest neighbors. Clusters of
    fewer than 5 images come last.

    Args:
        features: of all images.
        classes: of all images, as `assign_classes` gives them; -1 (unknown) counts as a class.
        done: images that are annotated.
        candidates: images to choose from.
    """
    members = rarest_class(classes, done, candidates)
    if members is None:
        return None
    rows = np.flatnonzero(members)
    unit, done, candidates = _normalize(features[rows]).astype(np.float32), done[rows], candidates[rows]
    count = min(int(done.sum()) + 1, MAX_CLUSTERS, len(np.unique(unit, axis=0)))
    kmeans = MiniBatchKMeans(count, n_init=3, random_state=0, batch_size=1024)
    cluster = kmeans.fit_predict(unit) if count > 1 else np.zeros(len(unit), dtype=np.int64)
    choice = max(
        np.unique(cluster[candidates]),
        key=lambda c: ((cluster == c).sum() >= MIN_CLUSTER_SIZE, -(done & (cluster == c)).sum(), (cluster == c).sum()),
    )
    inside = np.flatnonzero(cluster == choice)
    distances = np.sort(euclidean_distances(unit[inside]), axis=1)[:, 1 : NEIGHBORS + 1]
    mean_distance = distances.mean(axis=1) if distances.shape[1] else np.zeros(len(inside))
    return int(rows[inside[np.argmin(np.where(candidates[inside], mean_distance, np.inf))]])


def rarest_class(
    classes: Int[np.ndarray, " n"], done: Bool[np.ndarray, " n"], candidates: Bool[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"] | None:
    """The images of the class with fewest annotated images, among those with candidates; None without candidates."""
    if not candidates.any():
        return None
    names = np.unique(classes[candidates])
    counts = [int((done & (classes == c)).sum()) for c in names]
    return np.asarray(classes == names[int(np.argmin(counts))])


def random(candidates: Bool[np.ndarray, " n"], *, seed: int) -> int | None:
    """The first candidate in a random order that the seed determines."""
    order = np.random.default_rng(seed).permutation(len(candidates))
    return next((int(i) for i in order if candidates[i]), None)


def listed(candidates: Bool[np.ndarray, " n"]) -> int | None:
    """The first candidate in the order of the data."""
    return int(np.argmax(candidates)) if candidates.any() else None


def uncertain(ids: Sequence[str], candidates: Bool[np.ndarray, " n"], certainty: Mapping[str, float]) -> int | None:
    """The candidate whose propagated mask is least certain; None where no candidate has one."""
    ranked = [(certainty[name], i) for i, name in enumerate(ids) if candidates[i] and name in certainty]
    return min(ranked)[1] if ranked else None


def influential(ids: Sequence[str], candidates: Bool[np.ndarray, " n"], influence: Mapping[str, float]) -> int | None:
    """The candidate with the largest expected model change; None where the model has predicted no candidate."""
    return uncertain(ids, candidates, {name: -value for name, value in influence.items()})


def expected_change(
    features: Float[np.ndarray, "n c"], probabilities: Float[np.ndarray, "n k"]
) -> Float[np.ndarray, " n"]:
    """Expected norm of each image's cross-entropy gradient with respect to a linear layer on its features.

    For class y the norm is |features| |p - e_y|; the expectation over y is taken under the predicted probabilities p.
    """
    square = (probabilities**2).sum(axis=1, keepdims=True) - 2 * probabilities + 1
    lengths = np.sqrt(np.maximum(square, 0))
    return np.asarray(np.linalg.norm(features, axis=1) * (probabilities * lengths).sum(axis=1))


def _normalize(features: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c"]:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(length, 1e-12))
