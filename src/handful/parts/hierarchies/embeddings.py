"""Hierarchy by agglomerative clustering of the class names' word vectors (VIPF, section 3.2).

The paper defines its tree "according to the semantic relationship" of the classes and is silent on its source; we
cluster word vectors in the way of NBDT's induced hierarchy (see classifier_weights).
"""

from collections.abc import Mapping, Sequence

from handful.core.context import Context
from handful.core.hierarchy import Hierarchy
from handful.models.text import TextSource, class_vectors
from handful.parts.hierarchies._tree import check_classes, check_clustering, cluster, normalize_rows


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
        context: the class names.
        source: "minilm" (installed sentence encoder), "sentences" (a sentence-transformers model), "image_text" (the
            text encoder of a CLIP-type model), "words" (a file of word vectors) or "vectors" (a file of vectors by
            class). Details of this and the next five options: `handful.models.text.TextSource`.
        path: file, folder or model name of the source; "minilm" has none.
        aliases: text that is read instead of a class name, as a mapping ({ "0" = "zero" }) or a TOML or CSV file.
        descriptions: text that describes a class, read instead of its name, in the same forms.
        templates: sentences with {} in the place of the name, whose vectors are averaged; for encoders.
        weights: weight of a word in the mean over the words of a name; for "words".
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
    vectors = class_vectors(classes, TextSource(source, path, aliases, descriptions, templates, weights)).vectors
    vectors = normalize_rows(vectors) if normalize else vectors
    return cluster(vectors, classes, method=linkage, metric=metric)
