"""Posthoc parts for calibration, conformal sets and out-of-distribution rejection, added to a recipe."""

from dataclasses import replace

from handful.core.kind import Kind
from handful.core.recipe import Part, Recipe
from handful.errors import ProtocolError, option

EXAMPLES = {"coverage": 0.9, "reject": 0.05, "missed": 0.1}  # shares, as in the help of these options


def with_calibration(
    recipe: Recipe,
    *,
    kind: Kind | None = None,
    temperature: bool = False,
    coverage: float | None = None,
    reject: float | None = None,
    thresholds: bool = False,
    missed: float | None = None,
) -> Recipe:
    """The recipe with these posthoc parts added, in the order that they require.

    Args:
        recipe: recipe to extend; a part of the same name in it is replaced.
        kind: of the data; None: not known yet, so that nothing is refused for it.
        temperature: calibrate the probabilities: by a temperature (posthoc/temperature), or, of several labels per
            image, each class by itself (posthoc/platt_scaling).
        coverage: give conformal sets at this coverage (posthoc/conformal).
        reject: reject images that are unlike the training images, and about this share of those that are like them
            (posthoc/out_of_distribution).
        thresholds: fit a threshold for each class, of images with several labels (posthoc/thresholds).
        missed: fit one threshold instead, that misses this share of an image's classes on average.

    Raises:
        ProtocolError: a share is not between 0 and 1, or thresholds are asked for where an image has one label.
    """
    for name, share in (("coverage", coverage), ("reject", reject), ("missed", missed)):
        if share is not None and not 0 < share < 1:
            raise ProtocolError(
                "not a share between 0 and 1",
                where=option(name, share),
                remedy=f"write e.g. {EXAMPLES[name]:g}.",
            )
    for name, value in (("thresholds", thresholds or None), ("missed", missed)):
        if value is not None and kind not in (None, "multilabel"):
            raise ProtocolError(
                "thresholds are for images with several labels each, and these data are not read as such",
                where=option(name, value),
                remedy=f"leave it out, or say how several labels are written ({option('multilabel', 'FORM')}).",
            )
    added = [
        *([Part("out_of_distribution", {"false_rejection": reject})] if reject is not None else []),
        *([Part("platt_scaling" if kind == "multilabel" else "temperature")] if temperature else []),
        *([Part("conformal", {"coverage": coverage})] if coverage is not None else []),
        *(
            [Part("thresholds", {} if missed is None else {"missed": missed})]
            if thresholds or missed is not None
            else []
        ),
    ]
    names = {part.name for part in added}
    return replace(recipe, posthoc=(*(part for part in recipe.posthoc if part.name not in names), *added))
