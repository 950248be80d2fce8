"""Thresholds of a model of several labels, from the predictions that selected it.

Each image was predicted by a model that was trained without it: what `parts.posthoc.thresholds` trains further models
for is there already. A fold is scored at the thresholds that are best on the other folds' predictions.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from handful.core.result import Result, Run
from handful.models.classifier import Classifier
from handful.parts.posthoc.thresholds import choose_thresholds, wrap


def at_cross_fitted_thresholds(result: Result) -> Result:
    """The folds of one draw, each with thresholds that are chosen without it."""
    runs = []
    for run in result.runs:
        others = [other for other in result.runs if other is not run]
        runs.append(replace(run, thresholds=np.round(_thresholds(others), 4)) if others else run)
    return replace(result, runs=tuple(runs))


def with_thresholds(classifier: Classifier, result: Result) -> Classifier:
    """The classifier with thresholds from all held-out predictions; a recipe that has its own keeps them.

    Args:
        classifier: trained by the recipe of `result` on all images.
        result: held-out predictions.
    """
    if classifier.wrapped_by("thresholds") is not None:
        return classifier
    values = [round(float(value), 4) for value in _thresholds(result.runs)]
    network = wrap(classifier.network, thresholds=values).to(classifier.device).eval()
    images = len({i for run in result.runs for i in run.ids})
    calibration = {
        **classifier.card.get("calibration", {}),
        "thresholds": dict(zip(classifier.classes, values, strict=True)),
        "thresholds_from": f"cross-fitted: {images} training images in {len(result.runs)} folds",
    }
    return replace(classifier, network=network, card={**classifier.card, "calibration": calibration})


def _thresholds(runs: Sequence[Run]) -> Float[np.ndarray, " k"]:
    targets = [run.targets for run in runs if run.targets is not None]
    return choose_thresholds(np.concatenate([run.probabilities for run in runs]), np.concatenate(targets))
