"""Temperature of a network that cross-validation selected, fitted to the predictions that selected it.

Each image was predicted by a network that was trained without it: what `parts.posthoc.temperature` trains further
networks for is there already.
"""

from dataclasses import replace

import numpy as np

from handful.automl.select import Selection
from handful.core.result import Result
from handful.models.classifier import Classifier
from handful.models.temperature_scaling import fit_temperature
from handful.parts.posthoc.temperature import BOUNDS, wrap

SMALLEST = 1e-12  # probability; its logarithm is a class score


def with_temperature(classifier: Classifier, selection: Selection) -> Classifier:
    """The classifier with calibrated probabilities; no predicted class changes.

    Heads that are fitted chose their strength by the log loss of held-out images and stay as they are, and so does a
    recipe with `posthoc` parts.

    Args:
        classifier: trained by the selected recipe on all images.
        selection: has the held-out predictions.
    """
    result = selection.result
    if result is None or not selection.candidate.trained or classifier.recipe.posthoc:
        return classifier
    value, images = _fit(result)
    network = wrap(classifier.network, temperature=value).to(classifier.device).eval()
    folds = len({run.fold for run in result.runs})
    source = f"cross-fitted: {images} training images in {folds} folds"
    card = {**classifier.card, "calibration": {"temperature": round(value, 4), "temperature_from": source}}
    return replace(classifier, network=network, card=card)


def _fit(result: Result) -> tuple[float, int]:
    """The temperature, and the number of images that it is fitted to."""
    labels = np.concatenate([run.labels for run in result.runs])
    probabilities = np.concatenate([run.probabilities for run in result.runs]).astype(np.float64)
    value, _ = fit_temperature(np.log(np.maximum(probabilities, SMALLEST)), labels, bounds=BOUNDS)
    return value, len(labels)
