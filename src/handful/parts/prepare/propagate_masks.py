"""Masks for every image from a few: train a segmenter on these and predict the rest (CvS, section III-B2).

The paper's Seg-M: M masks per class train the segmentation network; its prediction, background or not, times
the image's own label is the image's mask. So a Seg-M of other classes works as well (CIFAR-10 to CIFAR-100).
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from handful.core.context import Context, NestedRun
from handful.core.dataset import Dataset, Mask, Sample
from handful.core.recipe import Part, Recipe, Stage
from handful.data.images import sample_size
from handful.data.masks.threshold import MaskRules as MaskRules
from handful.data.masks.threshold import foreground
from handful.errors import DataError, RecipeError, TrainingError
from handful.models.classifier import Classifier
from handful.parts.prepare._masking import Prepare, sample_masks
from handful.parts.prepare._propagation import SOURCE, completed, log_report, with_new_masks
from handful.parts.prepare._propagation import PropagationReport as PropagationReport
from handful.parts.traits import has_trait, uses_unmasked

makes_masks = True
renews_masks = True
loads_model = "model"
HERE = "prepare/propagate_masks"


def propagate(
    data: Dataset,
    classifier: Classifier,
    *,
    keep: Collection[str],
    partial: Collection[str] = (),
    rules: MaskRules | None = None,
) -> tuple[Dataset, PropagationReport]:
    """Give every sample whose id is not in `keep` the mask that the classifier predicts, at the image's own size.

    Where its id is in `partial`, the pixels that its own mask speaks of stay as they are.

    A mask such a sample had is never looked at, save to measure the new one against it; it is gone
    afterwards, also where the new one is dropped. An image without a label gets a foreground mask by the
    "any" rule.

    Raises:
        RecipeError: `restrict` is "own" and the classifier does not know a class of the data.
        ModelError: the classifier does not segment.
    """
    rules = rules or MaskRules()
    if rules.restrict == "own" and not set(data.classes) <= set(classifier.classes):
        raise RecipeError(
            "restrict = 'own' needs a segmenter that knows the image's class",
            where=HERE,
            remedy="use restrict = 'any' with a segmenter from other classes.",
        )
    unchanged = frozenset(keep)
    predicted = [i for i, s in enumerate(data.samples) if s.id not in unchanged]
    maps = classifier.maps(data.select(predicted).without_labels())

    def masks() -> Iterator[Mask]:
        for i, pixel_maps in zip(predicted, maps, strict=True):
            sample = data.samples[i]
            mask = classifier.own_size(_foreground(pixel_maps, sample, data, classifier, rules), sample_size(sample))
            yield completed(sample, mask) if sample.id in partial else mask

    return with_new_masks(data, predicted, masks(), rules)


def _foreground(
    maps: Float[np.ndarray, "k1 h w"], sample: Sample, data: Dataset, classifier: Classifier, rules: MaskRules
) -> Mask:
    if rules.restrict == "own" and sample.label is not None:
        scores = maps[classifier.classes.index(data.classes[sample.label]) + 1]
        return np.asarray((scores > maps[0]) & (scores >= rules.confidence * (scores + maps[0])))
    return foreground(maps, rules.confidence)


def run(
    context: Context,
    data: Dataset,
    *,
    per_class: int | None = None,
    rounds: int = 1,
    recipe: str | None = None,
    model: str | None = None,
    rules: MaskRules | None = None,
    renew: bool = False,
) -> tuple[Dataset, PropagationReport]:
    """Draw masks, train the segmenter on them (or load it), predict the rest; the part's work, with its report.

    Arguments as for `build`. Nothing is trained when there is nothing to predict.

    Raises:
        DataError: there is no mask to train on.
        RecipeError, TrainingError, ModelError: the segmenter cannot be had.
    """
    masked = [i for i, s in enumerate(data.samples) if s.mask is not None and s.mask_source != SOURCE]
    chosen = masked if per_class is None else sample_masks(data, masked, per_class, context.seed)
    keep = {data.samples[i].id for i in chosen if data.samples[i].known is None}
    partial = {data.samples[i].id for i in chosen} - keep
    if renew:
        keep |= {s.id for s in data.samples if s.mask_source != SOURCE}
    if len(keep) == len(data):
        return data, PropagationReport(kept=data.ids, propagated=(), dropped=())
    before, report = data, None
    learned: dict[str, None] = {}
    for round_ in range(rounds):
        # The first round learns from the kept masks alone, later ones also from what was propagated before.
        known = data if report is not None else _given(data, chosen)
        from_model = model if round_ == 0 else None
        learned |= {} if from_model is not None else dict.fromkeys(_learned(context, known, recipe))
        segmenter = _segmenter(context, known, round_, recipe, from_model)
        data, report = propagate(before, segmenter, keep=keep, partial=partial, rules=rules)
    assert report is not None
    return data, replace(report, learned=tuple(learned), partial=tuple(sorted(partial)))


def _given(data: Dataset, chosen: Collection[int]) -> Dataset:
    """The data with the chosen masks alone."""
    here = frozenset(chosen)
    return replace(data, samples=tuple(s if i in here else s.without_mask() for i, s in enumerate(data.samples)))


def _usable(known: Dataset) -> tuple[Sample, ...]:
    """The samples that a segmenter can learn from."""
    return tuple(s for s in known.samples if s.mask is not None and s.label is not None)


def _learned(context: Context, known: Dataset, recipe: str | None) -> tuple[str, ...]:
    """Ids of the samples that a segmenter sees in training."""
    every = uses_unmasked(segmentation_recipe(context, recipe))
    return known.ids if every else tuple(s.id for s in _usable(known))


def _segmenter(context: Context, known: Dataset, round_: int, recipe: str | None, model: str | None) -> Classifier:
    if model is not None:
        if context.load is None:
            raise TrainingError("saved models cannot be loaded here", where=HERE)
        loaded: Classifier = context.load(Path(model))
        return loaded
    usable = _usable(known)
    if not usable:
        raise DataError(
            "no labelled image has a mask to learn from",
            where=HERE,
            remedy="draw a few masks, make some with prepare/grabcut, or name a saved segmenter as `model`.",
        )
    plan = segmentation_recipe(context, recipe)
    present = _of_present_classes(replace(known, samples=usable), known if uses_unmasked(plan) else None)
    trained: Classifier = context.train(plan, present, context.seed + round_, where=HERE)
    return trained


def _of_present_classes(data: Dataset, others: Dataset | None) -> Dataset:
    """The data set without the classes that have no sample: a segmenter may come from other classes.

    Args:
        data: samples with masks.
        others: samples without a mask are added from these, where their class is present or they have none.
    """
    present = [label for label, n in enumerate(data.counts) if n]
    number: dict[int | None, int | None] = {label: i for i, label in enumerate(present)}
    unmasked = () if others is None else tuple(s for s in others.samples if s.mask is None)
    number |= {None: None}
    wanted = (s for s in (*data.samples, *unmasked) if s.label in number)
    samples = (_with_label(s, number[s.label]) for s in wanted)
    return replace(data, samples=tuple(samples), classes=tuple(data.classes[label] for label in present))


def _with_label(sample: Sample, label: int | None) -> Sample:
    """The sample with this label alone: probabilities and candidates are of all classes."""
    return replace(sample, label=label, probabilities=None, candidates=None)


def nested_runs(
    context: Context, data: Dataset, *, recipe: str | None, model: str | None, rounds: int
) -> Iterator[NestedRun]:
    """The segmenter, where one is trained."""
    if model is None or rounds > 1:
        known = tuple(_with_label(s, s.label) for s in data.samples)
        yield segmentation_recipe(context, recipe), replace(data, samples=known)


def segmentation_recipe(context: Context, name: str | None) -> Recipe:
    """The recipe of the Seg-M network: the named one, or the context's own with the pixel losses only.

    Either is trained without `prepare`, which would call itself, and without `posthoc`.

    Raises:
        RecipeError: no such recipe, or its head does not segment.
    """
    recipe = context.recipe if name is None else context.recipe_named(name, where=HERE)
    if not has_trait("heads", recipe.head, "segments"):
        raise RecipeError(
            f"head {recipe.head.name!r} does not segment, so it cannot propagate masks",
            where=recipe.name,
            remedy="name a recipe that does, e.g. recipe = 'cvs-wrn' in prepare/propagate_masks.",
        )
    if name is not None:
        return replace(recipe, prepare=(), posthoc=())
    stages = tuple(replace(stage, losses=_pixel_losses(stage)) for stage in recipe.stages)
    plain = replace(recipe, name=f"{recipe.name}-seg", stages=stages, hierarchy=None)
    return replace(plain, prepare=(), posthoc=(), peers=0)


def _pixel_losses(stage: Stage) -> tuple[Part, ...]:
    """The losses of a stage that learn from masks; pixel_cross_entropy where there are none."""
    losses = tuple(part for part in stage.losses if has_trait("losses", part, "reads_masks"))
    return losses or (Part("pixel_cross_entropy"),)


def build(
    context: Context,
    *,
    per_class: int | None = None,
    restrict: str = "any",
    confidence: float = 0.0,
    min_share: float = 0.0,
    max_share: float = 1.0,
    rounds: int = 1,
    recipe: str | None = None,
    model: str | None = None,
    renew: bool = False,
) -> Prepare:
    """Propagate masks within the training split: the defaults are the paper's, the options go beyond it.

    Warns of dropped masks, and logs how well the new masks agree with those that were there but not drawn.

    Args:
        context: trains (or loads) the segmenter; its seed draws the masks.
        per_class: M: at most so many masks per class are drawn to learn from, and all others are replaced, as
            if they had never been there. None: every mask is kept and learned from. 0: none (only with
            `model`).
        restrict: "any" or "own" class, see `MaskRules`; so for the next three.
        confidence: least probability of a foreground pixel.
        min_share: a mask must cover more of the image than this.
        max_share: and less than this.
        rounds: 2: train again on the drawn and the propagated masks together, and predict again.
        recipe: the segmenter's recipe by name; None: this recipe with its pixel losses only.
        model: folder of a saved classifier that segments, used instead of training in the first round.
        renew: replace the masks of an earlier propagation only: an image without a mask stays without. Evaluation does
            so inside each split where these masks come from a model that has seen the scored images.

    Raises:
        ValueError: an option that does not fit.
        RecipeError: a segmenter is to be trained, and the recipe's head does not segment.
    """
    rules = MaskRules(restrict, confidence, min_share, max_share)
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, not {rounds}")
    if per_class is not None and per_class < (0 if model is not None else 1):
        raise ValueError("per_class must be at least 1, or at least 0 with a model")
    if model is None or rounds > 1:
        segmentation_recipe(context, recipe)  # refused before anything is trained

    def prepare(data: Dataset) -> Dataset:
        after, report = run(
            context,
            data,
            per_class=per_class,
            rounds=rounds,
            recipe=recipe,
            model=model,
            rules=rules,
            renew=renew,
        )
        log_report(report, rules, source="propagate_masks")
        return after

    return prepare
