"""Multinomial logistic regression with a weight for each image.

With fewer images than features the solution lies in the span of the images, so it is sought there.
"""

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression


def regression(
    x: Float32[np.ndarray, "m c"],
    y: Int[np.ndarray, " m"],
    strength: float,
    *,
    weights: Float[np.ndarray, " m"] | None = None,
) -> tuple[Float[np.ndarray, "k c"], Float[np.ndarray, " k"]]:
    """Weight and bias of each class, by scikit-learn's L-BFGS; `strength` is its C, `weights` what an image counts."""
    basis: Any = np.linalg.qr(x.T)[0] if len(x) < x.shape[1] else None
    z = x if basis is None else x @ basis
    model = LogisticRegression(C=strength, max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # without a penalty to speak of, weights grow for ever
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # one image of each is allowed
        model.fit(z, y, sample_weight=weights)
    weight, bias = model.coef_ if basis is None else model.coef_ @ basis.T, model.intercept_
    if len(weight) == 1:  # two classes have one score, which is split in two
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias
