"""The tree that agglomerative clustering of the class names' word vectors gives (VIPF, section 3.2).

The paper defines its tree "according to the semantic relationship" of the classes and names no source; clustering is as
for NBDT's induced hierarchy (see classifier_weights).
"""

from collections.abc import Mapping, Sequence

from handful.core.context import Context
from handful.core.hierarchy import Hierarchy
from handful.models.text import class_vectors
from handful.parts.hierarchies._tree import check_classes, check_clustering, cluster, unit


def build(
    context: Context,
    *,
    source: str = "minilm",
    path: str | None = None,
    aliases: Mapping[str, str] | str | None = None,
    descriptions: Mapping[str, str] | str | None = None,
    templates: Sequence[str] = ("{}",),
    weights: Mapping[str, float] | None = None,
    linkage: str = "ward",
    metric: str = "euclidean",
    normalize: bool = True,
) -> Hierarchy:
    """A binary tree over the classes.

    Args:
        context: gives the class names.
        source: "minilm", "sentences", "image_text", "words" or "vectors": see
            `handful.models.text.class_vectors`, also for the next five.
        path: file, folder or model name of the source.
        aliases: what to read instead of a class's name.
        descriptions: a text that stands for a class.
        templates: sentences for a sentence encoder.
        weights: of words in a name.
        linkage: "ward", as NBDT's; "average", "complete" or "single".
        metric: "euclidean", or, not with Ward's linkage, "cosine".
        normalize: scale the vectors to length 1 first, as NBDT does its weight rows.

    Raises:
        DataError, WeightsError: names or sources that give no vectors.
        ValueError: options that do not go together.
    """
    check_clustering(linkage, metric)
    classes = context.task.classes
    check_classes(classes)
    found = class_vectors(
        classes,
        source=source,
        path=path,
        aliases=aliases,
        descriptions=descriptions,
        templates=templates,
        weights=weights,
    )
    vectors = unit(found.vectors) if normalize else found.vectors
    return cluster(vectors, classes, method=linkage, metric=metric)
