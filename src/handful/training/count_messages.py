"""Sum-product messages (Pearl 1988) between images whose classes are alike and bags whose class counts are known.

P(y) ~ prod_bags [number of images with y = 1 is the count] exp(sum_i u_i y_i - graph sum_pairs K_ij (y_i - y_j)^2), for
each class by itself, as in learning from label proportions by belief propagation (Havaldar et al. 2023,
https://arxiv.org/abs/2310.08056). That code writes a soft count as pairs of images; here a message of a bag is exact,
by prefix and suffix sums over counts. Letters: n images, b bags of s images, k classes, e edges, both ways.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

LIMIT = 12.0  # of log-odds that a message is computed from: a probability of 6e-6
CERTAIN = 30.0  # of log-odds in messages of bags of which all images or none are of a class


@dataclass(frozen=True, eq=False)
class Edges:
    """Neighbors that are likely of one class.

    Attributes:
        pairs: numbers of two images, each pair once.
        kernel: how much alike they are, 0 to 1.
    """

    pairs: Int[np.ndarray, "e 2"]
    kernel: Float[np.ndarray, " e"]


def nearest_edges(x: Float[np.ndarray, "n c"], neighbors: int) -> Edges:
    """Each image with its nearest ones; kernel exp(-distance / median distance), Matern's with nu = 1/2.

    Args:
        x: features of length 1.
        neighbors: how many of each image.
    """
    similarity = x @ x.T
    np.fill_diagonal(similarity, -np.inf)
    k = min(neighbors, len(x) - 1)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    pairs = np.stack([np.repeat(np.arange(len(x)), k), nearest.ravel()], axis=1)
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    distance = np.sqrt(np.maximum(0, 2 - 2 * similarity[pairs[:, 0], pairs[:, 1]]))
    scale = float(np.median(distance)) or 1.0  # 0: copies
    return Edges(pairs, np.exp(-distance / scale))


def bag_messages(log_odds: Float[np.ndarray, "b s k"], counts: Int[np.ndarray, "b k"]) -> Float[np.ndarray, "b s k"]:
    """Log-odds of each image from the others in its bag and the count: log Q(count - 1) - log Q(count).

    Q is the distribution of the number of the other images that are of the class. Results are within `CERTAIN`.

    Args:
        log_odds: of each image, from elsewhere.
        counts: images of each class in each bag.
    """
    b, s, k = log_odds.shape
    yes, no = -np.logaddexp(0, -log_odds)[..., None], -np.logaddexp(0, log_odds)[..., None]
    before = np.full((s + 1, b, k, s + 1), -np.inf)  # log-probability of each count of the first i images
    before[0, ..., 0] = 0
    after = before[::-1].copy()  # and of those from image i on
    for i in range(s):
        before[i + 1] = _one_more(before[i], yes[:, i], no[:, i])
    for i in reversed(range(s)):
        after[i] = _one_more(after[i + 1], yes[:, i], no[:, i])
    message = _others(before, after, counts - 1), _others(before, after, counts)
    result: Float[np.ndarray, "b s k"] = np.moveaxis(np.clip(message[0] - message[1], -CERTAIN, CERTAIN), 0, 1)
    return result


def _one_more(
    counted: Float[np.ndarray, "b k t"], yes: Float[np.ndarray, "b k 1"], no: Float[np.ndarray, "b k 1"]
) -> Float[np.ndarray, "b k t"]:
    """Log-probability of each count with one image more."""
    result: Float[np.ndarray, "b k t"] = counted + no
    result[..., 1:] = np.logaddexp(result[..., 1:], counted[..., :-1] + yes)
    return result


def _others(
    before: Float[np.ndarray, "t b k t"], after: Float[np.ndarray, "t b k t"], counts: Int[np.ndarray, "b k"]
) -> Float[np.ndarray, "s b k"]:
    """Log-probability that of the images but i so many are of the class."""
    s = len(before) - 1
    rest = counts[..., None] - np.arange(s + 1)
    index = np.broadcast_to(np.clip(rest, 0, s), (s, *rest.shape))
    terms = before[:-1] + np.where((rest >= 0) & (rest <= s), np.take_along_axis(after[1:], index, axis=3), -np.inf)
    result: Float[np.ndarray, "s b k"] = np.logaddexp.reduce(terms, axis=3)
    return result


def pass_messages(
    evidence: Float[np.ndarray, "n k"],
    index: Int[np.ndarray, " n"],
    counts: Int[np.ndarray, "b k"],
    edges: Edges | None = None,
    *,
    graph: float = 0.35,
    damping: float = 0.5,
    rounds: int = 200,
    tolerance: float = 0.01,
) -> tuple[Float[np.ndarray, "n k"], float]:
    """Log-odds of each image and class, and the largest change in the last round: above `tolerance`, nothing settled.

    Args:
        evidence: log-odds of each image from its own features.
        index: the number of each image's bag.
        counts: images of each class in each bag.
        edges: neighbors; None: none, which is exact after one round.
        graph: how much neighbors count.
        damping: share of the former message in each new one.
        rounds: at most.
        tolerance: change of a message, in log-odds, that ends the rounds.
    """
    bags = _by_size(index, counts)
    if edges is None:
        return evidence + _from_bags(evidence, bags), 0.0
    n, e = len(evidence), len(edges.pairs)
    source, target = np.concatenate([edges.pairs, edges.pairs[:, ::-1]]).T
    opposite = np.roll(np.arange(2 * e), e)
    incoming = sparse.csr_array((np.ones(2 * e), (target, np.arange(2 * e))), shape=(n, 2 * e))
    coupling = np.tanh(graph * np.tile(edges.kernel, 2) / 2)[:, None]
    messages, of_bags, change = np.zeros((2 * e, counts.shape[1])), np.zeros(evidence.shape), np.inf
    for _ in range(rounds):
        total = evidence + incoming @ messages
        new_of_bags = damping * of_bags + (1 - damping) * _from_bags(total, bags)
        others = np.clip((total + new_of_bags)[source] - messages[opposite], -LIMIT, LIMIT)
        new = damping * messages + (1 - damping) * 2 * np.arctanh(coupling * np.tanh(others / 2))
        change = max(float(np.abs(new - messages).max()), float(np.abs(new_of_bags - of_bags).max()))
        messages, of_bags = new, new_of_bags
        if change <= tolerance:
            break
    return evidence + incoming @ messages + of_bags, change


Bags = list[tuple[Int[np.ndarray, "_ _"], Int[np.ndarray, "_ _"]]]  # [b s] images and [b k] counts, for each size


def _by_size(index: Int[np.ndarray, " n"], counts: Int[np.ndarray, "b k"]) -> Bags:
    """The images and counts of the bags of each size."""
    sizes = np.bincount(index, minlength=len(counts))
    order = np.argsort(index, kind="stable")
    starts = np.cumsum(sizes) - sizes
    return [
        (order[starts[sizes == s][:, None] + np.arange(s)], counts[sizes == s]) for s in np.unique(sizes[sizes > 0])
    ]


def _from_bags(log_odds: Float[np.ndarray, "n k"], bags: Bags) -> Float[np.ndarray, "n k"]:
    """The message of each image's bag."""
    result = np.empty(log_odds.shape)
    for images, counts in bags:
        result[images] = bag_messages(np.clip(log_odds[images], -LIMIT, LIMIT), counts)
    return result
