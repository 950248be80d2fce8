"""Suggested labels where an image may show several classes: a classifier per class over the entries that are known."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32
from sklearn.linear_model import LogisticRegression

FEWEST = 2  # images that show a class, and that do not, from which it is suggested
STRENGTH = 10.0  # inverse regularization on features of length 1


def suggest(
    features: Mapping[str, Float32[np.ndarray, " c"]],
    entries: Mapping[str, Mapping[str, bool]],
    classes: tuple[str, ...],
) -> dict[str, dict[str, float]]:
    """For each class that is known well enough, the probability that an image shows it, of images where it is unknown.

    That is logistic regression on features of length 1. The probabilities are for an order: who answers the likeliest
    first has more images with the class among the known ones than among the others.

    Args:
        features: by image; images without are left out.
        entries: by image, which classes it is known to show or not to show.
        classes: to suggest.
    """
    names = [name for name in features if name in entries]
    if not names:
        return {}
    x = np.stack([features[name] for name in names]).astype(np.float64)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    suggested = {}
    for label in classes:
        known = np.array([label in entries[name] for name in names])
        present = np.array([entries[name].get(label, False) for name in names])
        if min((known & present).sum(), (known & ~present).sum()) < FEWEST or known.all():
            continue
        model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(x[known], present[known])
        values = model.predict_proba(x[~known])[:, 1]
        unknown = (name for name, is_known in zip(names, known, strict=True) if not is_known)
        suggested[label] = {name: round(float(value), 4) for name, value in zip(unknown, values, strict=True)}
    return suggested
