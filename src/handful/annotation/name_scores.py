"""Zero-shot scores of the class names for the images of an annotation project, from features that are there already."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from handful.annotation.files.name_scores import NameScores
from handful.models.name_weight import FROM_ONE_IMAGE, name_probabilities, unlabelled_p_value
from handful.models.zero_shot import ClassNameScores, image_text_arrays, imagenet_arrays, other_names
from handful.parts.traits import image_text_model, imagenet_classifiers
from handful.recipes.inspection import INSPECTION
from handful.training.image_features import features_recipe


def score_names(
    classes: Sequence[str],
    ids: Sequence[str],
    features: Float[np.ndarray, "n c"],
    *,
    backbone: str | None = None,
    seed: int = 0,
) -> NameScores:
    """Probabilities of the classes by their names, and whether the names say something of the images.

    Args:
        classes: class names.
        ids: of the images.
        features: of the images, as `image_features.features` gives them.
        backbone: whose features they are; None: the embedded one.
        seed: of the random sets of other names.

    Raises:
        WeightsError: weights or a text encoder are missing.
        DataError: class names without a vector of their own.
    """
    part = (INSPECTION if backbone is None else features_recipe(backbone)).backbone
    model, networks = image_text_model(part), imagenet_classifiers(part)
    if (model is None and not networks) or len(classes) < 2 or not len(features):
        return NameScores(tuple(classes), (), np.zeros((0, len(classes))), 1.0)
    arrays = imagenet_arrays(networks, classes) if model is None else image_text_arrays(model, classes)
    with torch.inference_mode():
        embedded = ClassNameScores(arrays).embed(torch.from_numpy(np.asarray(features, np.float32))).numpy()
    cosines, scale = embedded @ arrays["named"].T, FROM_ONE_IMAGE["conse" if model is None else "image_text"]
    p_value = unlabelled_p_value(cosines, embedded @ other_names(model, arrays).T, scale=scale, seed=seed)
    return NameScores(tuple(classes), tuple(ids), name_probabilities(cosines, scale), p_value)
