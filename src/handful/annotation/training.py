"""Training from the annotation page: a model, proposed masks for the other images, and a cross-validated score.

The score is repeated stratified cross-validation over the labelled images of the training split. A fold learns only
from the masks of its own training images: where one of these was accepted from a model, it is made again from the drawn
masks of the fold. The test split is never used.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from handful.annotation.files.annotations import MASKS, AnnotationRecord
from handful.annotation.files.project import ACCEPTED, Project, annotated
from handful.annotation.files.proposals import write_proposals
from handful.annotation.tools.active_learning import expected_change
from handful.core.dataset import Dataset, Mask
from handful.core.recipe import Recipe
from handful.core.text import listed
from handful.data.fingerprint import image_digest
from handful.data.images import sample_size
from handful.data.masks.provenance import Provenance, read_provenance, write_provenance
from handful.data.splits import folds as cut
from handful.data.splits import training_split
from handful.errors import TrainingError
from handful.evaluation.evaluate import Protocol, evaluate
from handful.evaluation.statistics import headline_metric, summarise
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.parts.traits import uses_unmasked
from handful.recipes.nested_runs import learns_from_unlabelled
from handful.saving.classifier import save_classifier
from handful.training.train import train

MAX_SEARCHED_DRAWS = 200  # draws that are searched for folds with masks of every class
Report = Callable[[dict[str, Any]], None]


def train_and_score(
    project: Project,
    record: AnnotationRecord,
    recipe: Recipe,
    *,
    draws: int,
    folds: int,
    seed: int,
    device: str,
    report: Report,
) -> dict[str, Any]:
    """Train, save the model, propose masks, and score.

    Args:
        project: the images.
        record: their annotations.
        recipe: what to train; one that segments proposes masks.
        draws: how often the folds are cut again, at least 2 for an interval.
        folds: of the cross-validation, at least 2.
        seed: of the model; the draws have numbers of their own.
        device: as for `train`.
        report: called with the progress, as {"stage": ..., "done": ..., "of": ...}.

    Returns:
        What it came to, as plain values.

    Raises:
        TrainingError, DataError: too few labels or masks.
    """
    data = present(training_split(annotated(project, record, marks=True)))
    labelled = data.select([i for i, s in enumerate(data.samples) if s.label is not None])
    with_masks = registry.needs_masks(recipe)
    _refuse_missing(labelled, masked(labelled) if with_masks else labelled, with_masks=with_masks)
    used = training_images(data, recipe)
    report({"stage": "training", "done": 0, "of": 1})
    record_training_images(project, record, used)
    classifier = train(recipe, used, seed=seed, device=device, progress=False)
    save_classifier(classifier, project.folder / "model", overwrite=True)
    result: dict[str, Any] = {
        "recipe": recipe.name,
        "masks": sum(s.mask is not None and s.known is None for s in labelled.samples),
        "accepted": sum(s.mask_source == ACCEPTED for s in labelled.samples),
        "labels": len(labelled),
        "round": propose(project, data, classifier, report) if segments(classifier, used) else 0,
    }
    numbers = usable_draws(labelled, folds, draws, with_masks=with_masks)
    if len(numbers) < draws:
        kind = "drawn masks" if with_masks else "labels"
        result["why_no_score"] = f"A score needs at least 2 {kind} of every class, in different folds."
        return result
    return result | {"score": _score(recipe, labelled, numbers, folds, device, report)}


def training_images(data: Dataset, recipe: Recipe) -> Dataset:
    """The images that a recipe learns from: those without a mask, or without a label, only where it uses such."""
    if not learns_from_unlabelled(recipe, data):
        data = data.select([i for i, s in enumerate(data.samples) if s.label is not None])
    return masked(data) if registry.needs_masks(recipe) and not uses_unmasked(recipe) else data


def present(data: Dataset) -> Dataset:
    """The data with only those classes that have a labelled image."""
    labelled_classes = [i for i, n in enumerate(data.counts) if n]
    number = {old: new for new, old in enumerate(labelled_classes)}
    samples = (s if s.label is None else replace(s, label=number[s.label], probabilities=None) for s in data.samples)
    return replace(data, samples=tuple(samples), classes=tuple(data.classes[i] for i in labelled_classes))


def record_training_images(project: Project, record: AnnotationRecord, used: Dataset) -> None:
    """Write down which images the proposals' model is trained on, together with those of all rounds before it."""
    folder = project.folder / MASKS
    earlier = read_provenance(folder)
    if earlier is None and record.trainings:
        earlier = Provenance("an earlier version", None)
    saw = {s.id: image_digest(s) for s in used.samples}
    write_provenance(folder, Provenance("handful annotate", saw).joined(earlier))


def drawn(data: Dataset) -> Dataset:
    """The samples that have a mask which no model of this project proposed."""
    return data.select([i for i, s in enumerate(data.samples) if s.mask is not None and s.mask_source != ACCEPTED])


def masked(data: Dataset) -> Dataset:
    """The samples that have a mask."""
    return data.select([i for i, s in enumerate(data.samples) if s.mask is not None])


def segments(classifier: Classifier, data: Dataset) -> bool:
    """Whether a classifier gives pixel maps."""
    return next(iter(classifier.outputs(data.select([0]).without_labels()))).pixels is not None


def _refuse_missing(labelled: Dataset, used: Dataset, *, with_masks: bool) -> None:
    if len(labelled.classes) < 2:
        raise TrainingError(
            "fewer than two classes have a labelled image", where="the labels", remedy="label more images."
        )
    if with_masks and (lacking := [c for c, n in zip(used.classes, used.counts, strict=True) if not n]):
        raise TrainingError(
            f"no image of {listed(lacking, 5)} has a mask",
            where="the masks",
            remedy="draw one for at least one image of each class.",
        )


def propose(project: Project, data: Dataset, classifier: Classifier, report: Report) -> int:
    """Write masks for the images that have none, with how certain they are; returns the round's number."""
    todo = data.select([i for i, s in enumerate(data.samples) if s.mask is None or s.known is not None])
    masks: dict[str, Mask] = {}
    certainty: dict[str, float] = {}
    influence: dict[str, float] = {}
    seen = 0
    for output in classifier.outputs(todo.without_labels()):
        assert output.pixels is not None
        likely = output.logits.float().softmax(dim=1).cpu().numpy()
        change = expected_change(output.features.float().cpu().numpy(), likely)
        for maps, moved in zip(output.pixels.float().softmax(dim=1).cpu().numpy(), change, strict=True):
            report({"stage": "propagating", "done": seen, "of": len(todo)})
            sample, seen = todo.samples[seen], seen + 1
            influence[sample.id] = float(moved)
            mask = classifier.own_size(np.asarray(maps.argmax(axis=0) != 0), sample_size(sample))
            if mask.any() and not mask.all():
                masks[sample.id], certainty[sample.id] = mask, agreement(maps)
    report({"stage": "propagating", "done": len(todo), "of": len(todo)})
    return write_proposals(project.folder, masks, certainty, influence).round


def agreement(maps: Float[np.ndarray, "k1 h w"]) -> float:
    """How far probabilities and the mask cut from them agree, in [0, 1]: the sum of minima over that of maxima.

    Pixels far from the object, which are always certain, do not count. 1: every pixel is certain.
    """
    share = 1 - maps[0]
    mask = maps.argmax(axis=0) != 0
    both, either = np.minimum(share, mask).sum(), np.maximum(share, mask).sum()
    return float(both / either) if either > 0 else 0.0


def usable_draws(data: Dataset, folds: int, wanted: int, *, with_masks: bool) -> list[int]:
    """Numbers of the first draws whose every fold leaves something to learn of each class; may be too few.

    What is chosen by is where masks are, never how well anything predicts.
    """
    per_class = data.counts.min() if len(data) else 0
    if per_class < folds:
        return []
    numbers: list[int] = []
    for number in range(MAX_SEARCHED_DRAWS):
        parts = cut(data, folds, number)
        counts = [(drawn(train) if with_masks else train).counts.min() for train, _ in parts]
        if min(counts) > 0:
            numbers.append(number)
        if len(numbers) == wanted:
            break
    return numbers


class _FoldTrainer:
    """Trains a fold, on its masked images alone where only these teach anything, and says how far it is."""

    def __init__(self, report: Report, runs: int) -> None:
        self.report, self.runs, self.done = report, runs, 0

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> Classifier:
        self.report({"stage": "scoring", "done": self.done, "of": self.runs})
        self.done += 1
        return train(recipe, training_images(data, recipe), seed=seed, device=device, progress=progress)


def _score(
    recipe: Recipe, data: Dataset, draws: Sequence[int], folds: int, device: str, report: Report
) -> dict[str, Any]:
    protocol = Protocol(draws=tuple(draws), folds=folds, score_on="rest")
    trainer = _FoldTrainer(report, len(draws) * folds)
    result = evaluate(recipe, data, protocol=protocol, device=device, trainer=trainer, progress=False)
    metric = headline_metric(result)
    (summary,) = summarise(result, metric)
    return {
        "metric": metric,
        "mean": summary.mean,
        "low": _number(summary.low),
        "high": _number(summary.high),
        "worst": summary.worst,
        "draws": summary.draws,
        "folds": folds,
        "images": len(data),
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
