"""Weight of class names as a prior: by the number of labelled images, and 0 where the names say nothing of them.

Names say nothing of images where they are numbers, codes, or words that the network's classes do not resemble. They
say something if they fit the labelled images better than 95 % of random sets of other names do; the fit is the mean
over classes of their images' cosine with their own name, less that with all names. The names have seen no image, so
that the training images can judge them. Weight, shrinkage and fit were chosen on draws of CIFAR-10's and CIFAR-100's
training images, of white blood cells and of digits.

Before any image is labelled, names say something if they divide the images into as many classes, as surely, as fewer
than 5 % of random sets of other names do (`unlabelled_p_value`). That cannot tell whether two names are exchanged.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import entr, softmax

FROM_ONE_IMAGE = {"conse": 14.0, "image_text": 100.0}  # weight of a cosine at one image per class; CLIP's is 100
SETS = 999  # random sets of names
UNLABELLED_SETS, MOST_ASKED = 199, 1000  # random sets where no image is labelled, and images that they divide
LEVEL = 0.05
NOTHING = "the class names say nothing of these images"


@dataclass(frozen=True)
class Weight:
    """The prior's weight, and the share of random sets of names that fit as well as the classes' (None: not asked)."""

    value: float
    p_value: float | None

    @property
    def reason(self) -> str:
        """Why it is so, for a card."""
        if self.p_value is None:
            return "as the recipe says"
        text = f"{100 * self.p_value:.1f} % of random sets of other names fit the training images as well"
        return text if self.value else f"{NOTHING}: {text}"


def choose_weight(
    embedded: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    named: Float[np.ndarray, "k d"],
    others: Float[np.ndarray, "r d"],
    *,
    start: float,
    seed: int,
) -> Weight:
    """The weight by number of images and by fit of the names.

    Args:
        embedded: vectors of the training images, of length 1.
        labels: their classes.
        named: vectors of the classes' names.
        others: vectors of names of other things, from which random sets of k are drawn.
        start: weight at one image per class.
        seed: of the random sets.
    """
    k = len(named)
    means = np.stack([embedded[labels == c].mean(axis=0) for c in range(k)])
    rng = np.random.default_rng(seed)
    sets = [rng.choice(len(others), k, replace=k > len(others)) for _ in range(SETS)]
    fit = _fit(means, named)
    p_value = (1 + sum(_fit(means, others[drawn]) >= fit for drawn in sets)) / (1 + SETS)
    images_per_class = len(labels) / k
    return Weight(start / float(np.sqrt(images_per_class)) if p_value <= LEVEL else 0.0, float(p_value))


def unlabelled_p_value(
    named: Float[np.ndarray, "n k"], others: Float[np.ndarray, "n r"], *, scale: float, seed: int
) -> float:
    """The share of random sets of k other names that divide unlabelled images as well as the classes' names.

    Args:
        named: cosines of images and the classes' names.
        others: cosines of the same images with names of other things.
        scale: factor of a cosine to be a logit.
        seed: of the random sets, and of the images where there are more than 1,000.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(named))[:MOST_ASKED]
    k, candidates = named.shape[1], others[rows]
    sets = [rng.choice(others.shape[1], k, replace=k > others.shape[1]) for _ in range(UNLABELLED_SETS)]
    value = _divided(named[rows], scale)
    return (1 + sum(_divided(candidates[:, drawn], scale) >= value for drawn in sets)) / (1 + UNLABELLED_SETS)


def name_probabilities(cosines: Float[np.ndarray, "n k"], scale: float) -> Float[np.ndarray, "n k"]:
    """Probabilities of the classes by their names, for images of which none is labelled."""
    probabilities: Float[np.ndarray, "n k"] = softmax(scale * (cosines - cosines.mean(axis=0)), axis=1)
    return probabilities


def _divided(cosines: Float[np.ndarray, "n k"], scale: float) -> float:
    """Mutual information of images and classes: high where each image is surely of a class, and each class occurs."""
    probabilities = name_probabilities(cosines, scale)
    return float(entr(probabilities.mean(axis=0)).sum() - entr(probabilities).sum(axis=1).mean())


def _fit(means: Float[np.ndarray, "k d"], names: Float[np.ndarray, "k d"]) -> float:
    """Sum over classes of the cosine of their images with their name, less the mean over all names."""
    return float((means * (names - names.mean(axis=0))).sum())
