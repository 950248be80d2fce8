"""Labels corrected or removed before training by the words beside the images, such as captions or tags of a web page.

Qin et al. 2023 (CAPro), https://arxiv.org/abs/2310.09761, its first half, on features that stay as they are. The words
of an image are compared with the class names by a sentence encoder, and averaged over the images that look alike. Of
each class, the images whose words name it best are its anchors, and the mean of their features is its prototype. With
s, half the probabilities of models that did not see the image and half the softmax of its cosines with the prototypes,
the label of an image becomes the class of the highest s where that is at least `threshold`; otherwise it stays if its
own s is at least 1 / k, and is removed if not. The image stays without its label, for recipes that learn from such
images. Anchors keep their labels, so that no class is lost.

The paper ranks neighbors anew by what they share, moves prototypes during training and trains the features; here they
are the nearest by cosine, and nothing of this is trained.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.special import softmax

from handful.core.context import Context, NestedRun
from handful.core.dataset import Dataset
from handful.errors import DataError, option
from handful.models.text.class_vectors import class_vectors
from handful.models.text.sentence_encoder import encode_sentences, installed_model
from handful.models.text.text_source import TextSource
from handful.parts.prepare._held_out import fewest_groups, held_out, judge_of, judge_runs
from handful.parts.prepare._masking import Prepare

HERE = "prepare/clean_by_text"
REMOVED = -1


def anchors_of(labels: Int[np.ndarray, " n"], words: Float[np.ndarray, "n k"], most: int) -> Bool[np.ndarray, " n"]:
    """The images whose words name their own class best; of a class that no words name, all.

    Args:
        labels: as given.
        words: similarity of each image's words with each class; NaN: no words.
        most: anchors of a class.
    """
    anchors = np.zeros(len(labels), dtype=bool)
    named = np.where(np.isnan(words), -np.inf, words).argmax(axis=1)
    for c in np.unique(labels):
        members = np.flatnonzero((labels == c) & ~np.isnan(words[:, c]) & (named == labels))
        best = members[np.argsort(-words[members, c], kind="stable")][:most]
        anchors[best if len(best) else np.flatnonzero(labels == c)] = True
    return anchors


def corrected(
    labels: Int[np.ndarray, " n"],
    scores: Float[np.ndarray, "n k"],
    anchors: Bool[np.ndarray, " n"],
    *,
    threshold: float,
) -> Int[np.ndarray, " n"]:
    """The labels after comparison with the scores of the classes; `REMOVED` where they contradict it."""
    k, rows = scores.shape[1], np.arange(len(labels))
    kept = np.where(scores[rows, labels] >= 1 / k, labels, REMOVED)
    sure = np.where(scores.max(axis=1) >= threshold, scores.argmax(axis=1), kept)
    return np.where(anchors, labels, sure)


def build(
    context: Context,
    *,
    recipe: str | None = None,
    folds: int = 5,
    anchors: int = 10,
    neighbors: int = 5,
    temperature: float = 0.1,
    threshold: float = 0.6,
    aliases: Mapping[str, str] | str | None = None,
) -> Prepare:
    """Clean labels by words. With one image, or one group, of a class nothing is predicted, and nothing changes.

    Args:
        context: trains the models, from the run's own seed.
        recipe: gives the features and the probabilities, by name, without its `posthoc`; None: the recipe itself.
        folds: of the cross-validation; fewer where a class has fewer images.
        anchors: of a class, at most.
        neighbors: over which the words of an image are averaged, besides its own; 0: its own words alone.
        temperature: of the cosines with the prototypes.
        threshold: of s, from which a label is replaced, above 0 and at most 1.
        aliases: text that is read instead of a class name, see `TextSource`.

    Raises:
        ValueError: an option out of range.
        RecipeError: no such recipe.
        DataError: no image has words; once there are images.
        WeightsError: the sentence encoder is not installed.
    """
    for name, value, least in (("folds", folds, 2), ("anchors", anchors, 1), ("neighbors", neighbors, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number from {least} up, not {value!r}")
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, not {temperature!r}")
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, not {threshold!r}")
    judge = judge_of(context, recipe, here=HERE)
    source = TextSource(aliases=aliases)

    def prepare(data: Dataset) -> Dataset:
        labelled = data.labelled()
        _refuse_without_words(labelled)
        fewest = fewest_groups(labelled)
        if fewest < 2:
            return data
        model = context.train(judge, data, context.seed, where=HERE)
        with torch.no_grad():
            outputs = [output.features.float().cpu() for output in model.outputs(labelled.without_labels())]
        features = _unit(torch.cat(outputs).numpy())
        features = _unit(features - features.mean(axis=0))
        words = _similarities(labelled, features, source, neighbors)
        best = anchors_of(labelled.labels, words, anchors)
        probabilities = held_out(context, judge, data, min(folds, fewest), here=HERE)
        scores = (probabilities + _by_prototypes(features, labelled.labels, best, temperature)) / 2
        found = corrected(labelled.labels, scores, best, threshold=threshold)
        return _relabelled(data, dict(zip(labelled.ids, found.tolist(), strict=True)))

    return prepare


def nested_runs(context: Context, data: Dataset, *, recipe: str | None) -> Iterator[NestedRun]:
    """What is trained on all images, and on the other folds."""
    yield from ((judge, data) for judge, _ in judge_runs(context, data, recipe, here=HERE))


def _refuse_without_words(labelled: Dataset) -> None:
    if any(sample.text for sample in labelled.samples):
        return
    named = option("columns", {"text": "NAME"})
    raise DataError(
        "no training image has words beside it",
        where=HERE,
        remedy=f"name the column of a table that holds them ({named}), or use confident-learning, which needs none.",
    )


def _similarities(
    labelled: Dataset, features: Float[np.ndarray, "n c"], source: TextSource, neighbors: int
) -> Float[np.ndarray, "n k"]:
    """Cosines of each image's words with the class names, the words averaged over similar images; NaN: no words."""
    given = [i for i, sample in enumerate(labelled.samples) if sample.text]
    names = _unit(class_vectors(labelled.classes, source).vectors)
    texts = _unit(encode_sentences([str(labelled.samples[i].text) for i in given], model=installed_model()))
    alike = features @ features[given].T
    alike[given, np.arange(len(given))] = np.inf  # its own words first
    nearest = np.argsort(-alike, axis=1, kind="stable")
    own = np.isin(np.arange(len(features)), given)
    words = np.full((len(features), len(names)), np.nan)
    for i, order in enumerate(nearest):
        read = order[: neighbors + int(own[i])]
        if len(read):
            words[i] = texts[read].mean(axis=0) @ names.T
    return words


def _by_prototypes(
    features: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " n"],
    anchors: Bool[np.ndarray, " n"],
    temperature: float,
) -> Float[np.ndarray, "n k"]:
    """Softmax of the cosines with the mean features of each class's anchors."""
    classes = range(int(labels.max()) + 1)
    prototypes = _unit(np.stack([features[anchors & (labels == c)].mean(axis=0) for c in classes]))
    probabilities: Float[np.ndarray, "n k"] = softmax(features @ prototypes.T / temperature, axis=1)
    return probabilities


def _relabelled(data: Dataset, labels: Mapping[str, int]) -> Dataset:
    """The data with new labels by id; a changed label takes the mask along, which says which class its pixels show."""
    samples = []
    for old, blank in zip(data.samples, data.without_labels().samples, strict=True):
        new = labels.get(old.id)
        changed = new is not None and new != old.label
        samples.append(replace(blank, label=None if new == REMOVED else new) if changed else old)
    return replace(data, samples=tuple(samples))


def _unit(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    unit: Float[np.ndarray, "n d"] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit
