"""Labels for unlabelled images from a model trained on the labelled ones: self-training on pseudo-labels (Lee 2013).

D.-H. Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks", ICML 2013
workshop. There the network labels the unlabelled images anew in every epoch and their loss is faded in; here another
recipe labels them once, before training, as in label propagation (Iscen et al. 2019, https://arxiv.org/abs/1904.04717):
frozen features classify better where labels are few, and the trainable network starts from their labels.

The papers keep every image, less sure ones at less weight. We keep of each class the images that the teacher is surest
of, the same number of each class where there are enough, as in curriculum labelling (Cascante-Bonilla et al. 2021,
https://arxiv.org/abs/2001.06001): a class that is guessed too often does not grow, and wrong labels are few.
`share = 1.0, per_class = "predicted"` labels every image with its predicted class, as Yang and Xu 2020 do for long
tails (https://arxiv.org/abs/2006.07529), where unlabelled images are as unequal as the labelled ones.

An image with several candidates for its class is labelled with one of these, or keeps them where the teacher is not
sure enough.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int

from handful.core.context import Context, NestedRun
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.models.link import Softmax
from handful.parts.prepare._masking import Prepare
from handful.parts.traits import without_probabilities

candidates = True
uses_unlabelled = True
HERE = "prepare/pseudo_label"
PerClass = Literal["equal", "predicted"]


def surest(
    probabilities: Float[np.ndarray, "n k"], share: float, per_class: PerClass = "equal"
) -> Int[np.ndarray, " n"]:
    """Pseudo-label of each image: the predicted class of the surest images, -1 for the others.

    Args:
        probabilities: of each class, a row for each image.
        share: above 0 to 1. Of each class the surest share n / k images get a label, rounded up, fewer where
            fewer are taken for that class.
        per_class: "equal", as above; or "predicted": of each class the surest share of the images taken for it.
    """
    guesses, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    n, k = probabilities.shape
    labels = np.full(n, -1, dtype=np.int64)
    for c in range(k):
        members = np.flatnonzero(guesses == c)
        most = n / k if per_class == "equal" else len(members)
        best = members[np.argsort(-sure[members], kind="stable")][: math.ceil(share * most)]
        labels[best] = c
    return labels


def pseudo_labelled(
    data: Dataset,
    guesses: Float[np.ndarray, "n k"],
    share: float,
    per_class: PerClass = "equal",
    *,
    soft: bool = False,
) -> Dataset:
    """The data with pseudo-labels of the images without a label.

    Args:
        data: n of its images have none.
        guesses: probabilities of these, in their order.
        share: see `surest`.
        per_class: see `surest`.
        soft: these images keep the probabilities besides.
    """
    unlabelled = _unlabelled(data)
    pile = data.select(unlabelled)
    candidates = torch.from_numpy(pile.candidates()) if pile.has_candidates else None
    rows = Softmax().among_candidates(torch.from_numpy(guesses.astype(np.float32)), candidates).numpy()
    samples = list(data.samples)
    for i, label, row in zip(unlabelled, surest(rows, share, per_class).tolist(), rows, strict=True):
        if label >= 0:
            samples[i] = replace(samples[i], label=label, probabilities=row if soft else None, candidates=None)
    return replace(data, samples=tuple(samples))


def _unlabelled(data: Dataset) -> list[int]:
    return [i for i, s in enumerate(data.samples) if s.label is None]


def build(
    context: Context,
    *,
    recipe: str = "pseudo-labels",
    share: float = 0.5,
    per_class: PerClass = "equal",
    soft: bool = False,
) -> Prepare:
    """Label what the teacher is surest of. Without unlabelled images nothing is trained, and nothing changes.

    Args:
        context: trains the teacher, from the run's own seed.
        recipe: the teacher, by name. It is trained without its `posthoc`, and may learn from unlabelled images too.
        share: of the unlabelled images that gets a label, above 0 to 1, see `surest`.
        per_class: "equal" numbers of each class, where there are enough; or as many as are "predicted".
        soft: losses learn the teacher's probabilities of these images, not the predicted class alone.

    Raises:
        ValueError: an option out of range; or `soft`, and a loss or the head learns one label per image.
        RecipeError: no such recipe, once there are images to label.
    """
    if isinstance(share, bool) or not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, not {share!r}")
    unfit = next(without_probabilities(context.recipe), None) if soft else None
    if unfit is not None:
        raise ValueError(f"soft pseudo-labels are class probabilities, and {unfit[0]}/{unfit[1].name} learns one label")

    def prepare(data: Dataset) -> Dataset:
        unlabelled = _unlabelled(data)
        if not unlabelled:
            return data
        model = context.train(_teacher(context, recipe), data, context.seed, where=HERE)
        guesses = model.probabilities(data.select(unlabelled).without_labels())
        return pseudo_labelled(data, guesses, share, per_class, soft=soft)

    return prepare


def nested_runs(context: Context, data: Dataset, *, recipe: str) -> Iterator[NestedRun]:
    """The teacher, where there are images to label."""
    if any(s.label is None for s in data.samples):
        yield _teacher(context, recipe), data


def _teacher(context: Context, name: str) -> Recipe:
    """The named recipe; of its parts before training, those that label images would call themselves."""
    teacher = context.recipe_named(name, where=HERE)
    return replace(teacher, prepare=tuple(p for p in teacher.prepare if p.name != "pseudo_label"), posthoc=())
