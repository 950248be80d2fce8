"""Mask propagation as a task of its own: over a whole data set, written down with a sheet to look at."""

import csv
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from handful.annotation.contact_sheet import tiles, write_sheet
from handful.annotation.propagation_method import (
    Method,
    choose_method,
    covers_all,
    default_recipe,
    explains_classifier,
    refuse_unused,
)
from handful.core.context import Context, Task
from handful.core.dataset import Dataset, Sample
from handful.core.files import lock_output, refuse_existing
from handful.core.recipe import Part, Recipe
from handful.data.fingerprint import image_digest
from handful.data.kind_checks import refuse_multilabel
from handful.data.masks.image_file import write_masks
from handful.data.masks.provenance import Provenance, images_seen, write_provenance
from handful.data.splits import training_split
from handful.errors import DataError, option
from handful.models.device import select_device
from handful.parts import registry
from handful.parts.prepare import match_masks, refine_masks
from handful.parts.prepare._masking import sample_masks
from handful.parts.prepare._propagation import SOURCE as PROPAGATED
from handful.parts.prepare.propagate_masks import MaskRules, PropagationReport, run, segmentation_recipe
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier
from handful.saving.training_images import digests_seen_by
from handful.training.train import nested_fit

OURS = ("masks", "contact-sheet.png", "quality.csv", "propagation.json")


def propagate_dataset(
    recipe: Recipe | None,
    data: Dataset,
    *,
    source: str | None = None,
    model: Path | None = None,
    per_class: int | None = None,
    rules: MaskRules | None = None,
    rounds: int = 1,
    method: Method | None = None,
    cells: match_masks.Cells = "auto",
    refine: refine_masks.Method | None = None,
    seed: int = 0,
    device: str = "auto",
) -> tuple[Dataset, Dataset, PropagationReport]:
    """The training part before and after propagation, and what it did. The test part is never looked at.

    Args:
        recipe: of the segmenter; only its pixel losses are used. None: `default_recipe`.
        data: labelled and unlabelled samples, some with masks.
        source: "grabcut", "binarize", "salient" or "explained_masks" makes masks first, for `per_class` labelled
            samples of each class, and "cut_masks" for samples without a label too.
        model: a saved segmenter, instead of training one.
        per_class: masks per class to learn from; all others are replaced, and those there were measure them.
        rules: which pixels and masks are kept.
        rounds: 2: learn again from the propagated masks too.
        method: "train" a segmenter, or "match" the images to those with masks, see `prepare/match_masks`. None: match,
            unless a recipe, a source, a model or a rule of a segmenter is given.
        cells: "fine" matches thin objects such as vessels; "auto": by the thickness of whole masks, else "coarse".
        refine: moves the outlines of the given or first masks to the edges of their images, by a method of
            `prepare/refine_masks`.
        seed: draws the masks, and trains.
        device: as for `train`.

    Raises:
        DataError, RecipeError, TrainingError, ModelError: before or while the segmenter is made.
    """
    recipe, method = (
        recipe or load_recipe(default_recipe(source)),
        method or choose_method(recipe, source, model, rules),
    )
    refuse_unused(method, model=model, rules=rules, cells=cells)
    refuse_multilabel(data, "propagating masks")
    before = training_split(data)
    task = Task(data.classes, before.counts)
    fit = nested_fit(device, progress=True)
    context = registry.make_context(recipe, task, seed=seed, fit=fit, load=load_classifier)
    if method == "train" and (model is None or rounds > 1):
        segmentation_recipe(context, None)  # refused before masks are made or anything is trained
    start, masks_per_class = before, per_class
    if source is not None:
        if any(s.mask is not None for s in before.samples):
            raise DataError(
                f"masks are given twice: by {option('masks', None)} and by {option('source', None)}",
                where=source,
                remedy="leave one of them out.",
            )
        start, masks_per_class = _source(source, before, per_class, context), None
    if refine is not None:
        start = registry.build("prepare", Part("refine_masks", {"method": refine}), context)(start)
    if method == "match":
        after, report = match_masks.run(
            context, start, per_class=masks_per_class, cells=cells, rounds=rounds, rules=rules
        )
    else:
        after, report = run(
            context,
            start,
            per_class=masks_per_class,
            rounds=rounds,
            model=None if model is None else str(model),
            rules=rules,
        )
    if explains_classifier(source):  # which saw all labels
        after = replace(after, samples=tuple(_as_propagated(s, source) for s in after.samples))
        report = replace(report, learned=tuple(dict.fromkeys((*before.labelled().ids, *report.learned))))
    return start, replace(after, segmenter_saw=_seen_by_segmenter(before, report, model)), report


def _seen_by_segmenter(data: Dataset, report: PropagationReport, model: Path | None) -> frozenset[str] | None:
    """Digests of the images that the segmenter was trained on; None: a saved one does not say."""
    learned = set(report.learned)
    saw = frozenset(image_digest(s) for s in data.samples if s.id in learned)
    if model is None:
        return saw
    of_model = digests_seen_by(model)
    return None if of_model is None else saw | of_model


def _source(name: str, data: Dataset, per_class: int | None, context: Context) -> Dataset:
    """Masks of a few samples per class, or of all labelled ones; without labels, of all."""
    explains = explains_classifier(name)
    needs_label = explains or not covers_all(name)
    wanted = [i for i, s in enumerate(data.samples) if s.label is not None or not needs_label]
    chosen = wanted if per_class is None else sample_masks(data, wanted, per_class, context.seed)
    part = registry.build("prepare", Part(name), context)
    made = part(data).select(chosen) if explains else part(data.select(chosen))
    samples = list(data.samples)
    for i, sample in zip(chosen, made.samples, strict=True):
        samples[i] = sample if sample.mask is None or not explains else replace(sample, mask_source=name)
    return replace(data, samples=tuple(samples))


def _as_propagated(sample: Sample, source: str | None) -> Sample:
    """The sample, whose mask is from a model of these images also where the classifier explained it."""
    return replace(sample, mask_source=PROPAGATED) if sample.mask_source == source else sample


def propagate_to(
    folder: str | Path,
    recipe: Recipe | None,
    data: Dataset,
    *,
    source: str | None = None,
    model: Path | None = None,
    per_class: int | None = None,
    rules: MaskRules | None = None,
    rounds: int = 1,
    method: Method | None = None,
    cells: match_masks.Cells = "auto",
    refine: refine_masks.Method | None = None,
    seed: int = 0,
    device: str = "auto",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Propagate masks over a data set and write the results to `folder`: what `handful propagate` does.

    Args:
        folder: gets what `write_propagation` writes.
        recipe: as for `propagate_dataset`, like all options below but the last.
        data: labelled and unlabelled samples, some with masks.
        source: what makes the first masks.
        model: a saved segmenter, instead of training one.
        per_class: masks per class to learn from.
        rules: which pixels and masks are kept.
        rounds: 2: learn again from the propagated masks too.
        method: as for `propagate_dataset`.
        cells: that are matched.
        refine: the given or first masks.
        seed: draws the masks, and trains.
        device: as for `train`.
        overwrite: replace what an earlier call wrote.

    Returns:
        The content of `propagation.json`: method, counts, dropped masks, and the quality of the new masks by class.

    Raises:
        OutputError: `folder` is taken.
        DataError, RecipeError, TrainingError, ModelError: as `propagate_dataset`.
    """
    folder = Path(folder)
    select_device(device)
    chosen = method or choose_method(recipe, source, model, rules)
    with lock_output(folder):
        refuse_existing(folder, ours=OURS, overwrite=overwrite)
        before, after, report = propagate_dataset(
            recipe,
            data,
            source=source,
            model=model,
            per_class=per_class,
            rules=rules,
            rounds=rounds,
            method=chosen,
            cells=cells,
            refine=refine,
            seed=seed,
            device=device,
        )
        trained = default_recipe(source) if recipe is None else recipe.name
        segmenter = "match_masks" if chosen == "match" else trained if model is None else str(model)
        return write_propagation(folder, before, after, report, segmenter=segmenter, seed=seed)


def write_propagation(
    folder: Path,
    before: Dataset,
    after: Dataset,
    report: PropagationReport,
    *,
    segmenter: str = "",
    seed: int = 0,
    per_class: int = 8,
) -> dict[str, Any]:
    """Write `masks/`, which mirrors the images, `contact-sheet.png`, `quality.csv` and `propagation.json`.

    The masks say what made them, and `masks/provenance.json` which images the segmenter, a recipe's name or the folder
    of a model, was trained on. What an earlier call wrote there is replaced. Returns what is in `propagation.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "masks", ignore_errors=True)
    paths = write_masks(after, folder / "masks")
    write_provenance(folder / "masks", Provenance(segmenter, images_seen(after)))
    write_sheet(folder / "contact-sheet.png", tiles(after, before, per_class=per_class, seed=seed))
    with (folder / "quality.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("class", "images", "iou", "dice", "worst"))
        rows.writerows((name, *asdict(q).values()) for name, q in report.quality.items())
    written = {
        "out": str(folder),
        "segmenter": segmenter,
        "masks": len(paths),
        "kept": len(report.kept),
        "partial": len(report.partial),
        "propagated": len(report.propagated),
        "dropped": [{"id": name, "share": share} for name, share in report.dropped],
        "quality": {name: asdict(q) for name, q in report.quality.items()},
    }
    (folder / "propagation.json").write_text(json.dumps(written, indent=1, ensure_ascii=False), encoding="utf-8")
    return written
