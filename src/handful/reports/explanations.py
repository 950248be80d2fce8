"""Explain predictions: a picture of where the classifier looked for each image, a table, and the checks of the maps."""

import csv
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from PIL import Image as Picture

from handful.core.dataset import Dataset, Image, Sample
from handful.data.images import pixels
from handful.data.in_memory import fit_mask, fit_size
from handful.errors import DataError, OutputError
from handful.evaluation.intervals import wilson
from handful.models.classifier import Classifier
from handful.models.saliency import Saliency, pointing, rank_correlation, saliency, share_inside, shuffled

TABLE = "maps.csv"
CHECKED = 50  # images whose maps are compared with those of shuffled weights


@dataclass(frozen=True)
class Checks:
    """How far the maps can be believed. Shares from 0 to 1; None where there is no mask.

    `similar` is the mean rank correlation of maps with those of shuffled weights over `compared` images: near 0 is
    good, near 1 means that a map does not depend on what was learnt. `pointed` is the share of `masked` images whose
    highest point is in the mask, with its Wilson interval; `inside` the mean share of the map in it. `chance` is what
    both would be for a map of noise: the mask's mean share of the image.
    """

    images: int
    compared: int
    similar: float
    masked: int
    pointed: float | None = None
    pointed_low: float | None = None
    pointed_high: float | None = None
    inside: float | None = None
    chance: float | None = None


def explain_to(
    classifier: Classifier,
    data: Dataset,
    folder: Path,
    *,
    seed: int = 0,
    overwrite: bool = False,
    advance: Callable[[int], None] | None = None,
) -> Checks:
    """Write `<id>.png` for each sample (the image, and beside it the map over it) and `maps.csv`; the checks.

    Args:
        classifier: a trained one.
        data: what to explain. Masks are read for the checks alone: the classifier never sees one.
        folder: appears whole or not at all.
        seed: of the order in which weights are shuffled.
        overwrite: replace what an earlier call wrote there.
        advance: called with the number of samples just done.

    Raises:
        OutputError: something is there already.
        ModelError: there are no maps of this model.
        DataError: an image cannot be read, or an id leads out of the folder.
    """
    check_folder(folder, overwrite=overwrite)
    images = data.without_labels()
    draft = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    rows: list[_Row] = []
    found: list[Float[np.ndarray, "h w"]] = []
    try:
        for sample, one in zip(data.samples, saliency(classifier, images), strict=True):
            _draw(draft, sample, one, classifier)
            found += [one.map] if len(found) < CHECKED else []
            rows.append(_row(sample, one, classifier, data.classes))
            if advance is not None:
                advance(1)
        _write(draft / TABLE, rows)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return _checks(rows, found, classifier, images, seed)


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a place that is taken; a folder that holds no maps is never replaced.

    Raises:
        OutputError: names the remedy.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    ours = (folder / TABLE).is_file()
    if not (ours and overwrite):
        remedy = "choose another folder or pass --overwrite." if ours else "choose another folder."
        raise OutputError("this exists", where=folder, remedy=remedy)


@dataclass(frozen=True)
class _Row:
    id: str
    label: str | None
    prediction: str
    probability: float
    pointed: bool | None = None
    inside: float | None = None
    mask_share: float | None = None


def _row(sample: Sample, one: Saliency, classifier: Classifier, classes: tuple[str, ...]) -> _Row:
    label = None if sample.label is None else classes[sample.label]
    row = _Row(sample.id, label, classifier.classes[one.predicted], one.probability)
    if sample.mask is None:
        return row
    mask = fit_mask(sample.mask, classifier.size, classifier.recipe.resize)
    if not mask.any():
        return row
    share = float(mask.mean())
    return replace(row, pointed=pointing(one.map, mask), inside=share_inside(one.map, mask), mask_share=share)


def _checks(
    rows: Sequence[_Row], maps: Sequence[Float[np.ndarray, "h w"]], classifier: Classifier, images: Dataset, seed: int
) -> Checks:
    part = images.select(range(len(maps)))
    others = [one.map for one in saliency(shuffled(classifier, seed=seed), part)]
    similar = float(np.mean([rank_correlation(a, b) for a, b in zip(maps, others, strict=True)])) if maps else np.nan
    masked = [row for row in rows if row.pointed is not None]
    if not masked:
        return Checks(len(rows), len(maps), similar, 0)
    pointed = float(np.mean([bool(row.pointed) for row in masked]))
    low, high = wilson(pointed * len(masked), len(masked))
    inside, chance = (float(np.mean([getattr(row, name) for row in masked])) for name in ("inside", "mask_share"))
    return Checks(len(rows), len(maps), similar, len(masked), pointed, low, high, inside, chance)


def heat(image: Image, map_: Float[np.ndarray, "h w"]) -> Image:
    """The image in grey, with the map over it from dark violet (low) to yellow (high): the more, the stronger."""
    colours = (255 * mpl.colormaps["plasma"](map_)[..., :3]).transpose(2, 0, 1)
    grey = np.broadcast_to(image.astype(np.float64).mean(axis=0), image.shape)
    share = 0.25 + 0.5 * map_
    return np.asarray(np.rint(grey * (1 - share) + colours * share).astype(np.uint8))


def _draw(folder: Path, sample: Sample, one: Saliency, classifier: Classifier) -> None:
    name = PurePosixPath(sample.id.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts:
        raise DataError("this id leads out of the folder", where=sample.id, remedy="use ids below the data's root.")
    image = fit_size(pixels(sample), classifier.size, classifier.recipe.resize)
    gap = np.full((3, image.shape[1], 4), 255, dtype=np.uint8)
    both = np.concatenate([image, gap, heat(image, one.map)], axis=2)
    path = folder / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(np.ascontiguousarray(both.transpose(1, 2, 0))).save(path, format="PNG")


def _write(path: Path, rows: Sequence[_Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(_Row.__dataclass_fields__)
        for row in rows:
            table.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in vars(row).values()])
