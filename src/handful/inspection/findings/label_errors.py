"""Labels that may be wrong: confident learning on probabilities from models that did not see the image.

Northcutt et al. 2021, https://arxiv.org/abs/1911.00068, by cleanlab: an image counts when both of its
filters pick it, and a second classifier, the nearest mean of features, names the same other class.
"""

import numpy as np

from handful.core.text import listed
from handful.data.finding import Finding
from handful.inspection.cross_validate_features import FEWEST
from handful.inspection.measurements import Measurements

RANK = 3
DOUBTFUL = 0.7  # accuracy of the judging models below which their word counts for little


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """Findings "label suspects", and "labels not judged" where classes are too rare or the models too weak."""
    if measurements.features is None or measurements.data.kind == "multilabel":  # `several_labels` looks for these
        return ()
    cv = measurements.cross_validation
    names = measurements.data.classes
    if cv is None:
        return (_not_judged(f"no two classes have {FEWEST} distinct images (or groups):", "label more images"),)
    findings: list[Finding] = []
    rare = [name for c, name in enumerate(names) if c not in cv.classes]
    if rare:
        findings.append(_not_judged(f"fewer than {FEWEST} images of {listed(rare, 5)}:", "look through them yourself"))
    from cleanlab.filter import find_label_issues

    chance = 1 / len(cv.classes)
    if cv.balanced_accuracy < chance + 0.25 * (1 - chance):
        share = f"{100 * cv.balanced_accuracy:.0f}"
        text = f"a quick trial is right for {share} of 100 images only, every class counted alike:"
        return (*findings, _not_judged(text, "have two people label a part independently"))
    suspects = np.asarray(find_label_issues(cv.labels, cv.probabilities, filter_by="both", n_jobs=1))
    suspects &= (cv.nearest == cv.predictions) & (cv.predictions != cv.labels)
    given = cv.probabilities[np.arange(len(cv.labels)), cv.labels]
    order = np.flatnonzero(suspects)[np.argsort(given[suspects], kind="stable")]
    if not len(order):
        return tuple(findings)
    samples = measurements.data.samples
    takes = {
        samples[cv.rows[i]].id: {
            "label": names[cv.classes[cv.labels[i]]],
            "looks_like": names[cv.classes[cv.predictions[i]]],
            "probability_of_label": float(given[i]),
        }
        for i in order
    }
    images = "image looks" if len(order) == 1 else "images look"
    weak = ", so often the model is wrong and not the label" if cv.accuracy < DOUBTFUL else ""
    findings.append(
        Finding(
            "label suspects",
            "note" if weak else "warning",
            f"{len(order)} {images} like another class to models that did not see them "
            f"(they are right in {100 * cv.accuracy:.0f} % of images{weak})",
            tuple((i,) for i in takes),
            "look at each, the surest first, and correct what is wrong; hard images are among them",
            {"accuracy": cv.accuracy, "suspects": takes},
        )
    )
    return tuple(findings)


def _not_judged(why: str, remedy: str) -> Finding:
    return Finding("labels not judged", "note", f"{why} wrong labels were not looked for", remedy=remedy)
