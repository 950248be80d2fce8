"""Hierarchy by agglomerative clustering of the class names' word vectors (VIPF, section 3.2).

The paper defines its tree "according to the semantic relationship" of the classes and is silent on its source; we
cluster word vectors in the way of NBDT's induced hierarchy (see classifier_weights).
"""

from handful.core.context import Context
from handful.core.hierarchy import Hierarchy
from handful.models.text import MINILM, TextSource, class_vectors
from handful.parts.hierarchies._tree import check_classes, check_clustering, cluster, normalize_rows


def build(
    context: Context,
    *,
    text: TextSource = MINILM,
    linkage: str = "ward",
    metric: str = "euclidean",
    normalize: bool = True,
) -> Hierarchy:
    """A binary tree over the classes.

    Args:
        context: the class names.
        text: options `source`, `path`, `aliases`, `descriptions`, `templates`, `weights` and `average_words`, see
            `TextSource`.
        linkage: "ward", NBDT's default, "average", "complete" or "single".
        metric: "euclidean", or "cosine" (not with "ward").
        normalize: scale the vectors to length 1 first, as NBDT does with weight rows.

    Raises:
        DataError: class names without a vector, or a single class.
        WeightsError: the encoder cannot be loaded.
        ValueError: options that exclude each other.
    """
    check_clustering(linkage, metric)
    classes = context.task.classes
    check_classes(classes)
    vectors = class_vectors(classes, text).vectors
    vectors = normalize_rows(vectors) if normalize else vectors
    return cluster(vectors, classes, method=linkage, metric=metric)
