"""Explain predictions: a saliency map over each image, a table, and sanity checks of the maps."""

import csv
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jaxtyping import Float, Float32, Int
from PIL import Image as Picture

from handful.core.dataset import Dataset, Image, Mask, Sample
from handful.core.files import lock_output, refuse_existing, replace_folder, safe_path
from handful.core.text import listed
from handful.data.images import pixels
from handful.data.in_memory import fit_mask, fit_size
from handful.errors import HandfulWarning
from handful.evaluation.intervals import wilson
from handful.models.classifier import Classifier
from handful.models.kind_checks import refuse_number_model
from handful.models.saliency import (
    Saliency,
    class_saliency,
    pointing,
    rank_correlation,
    saliency,
    share_inside,
    shuffled,
)
from handful.reports.overlay import UNKNOWN_COLOR, paint_regions

TABLE = "maps.csv"
CHECKED = 50  # images whose maps are compared with those of shuffled weights


@dataclass(frozen=True)
class SanityChecks:
    """Sanity checks of saliency maps. Shares are in [0, 1]; those that need masks are None without any.

    Attributes:
        images: number of images explained.
        constant: number of maps that are constant, and so show nothing.
        compared: number of images whose maps were compared with those of shuffled weights.
        similar: mean rank correlation of these maps with those of shuffled weights. Near 0 is good; near 1 means that
            a map does not depend on what was learned.
        masked: number of images with a mask.
        pointed: share of masked images whose maximum lies in the mask (the pointing game), with its Wilson interval
            `pointed_low` to `pointed_high`.
        inside: mean share of the map inside the mask.
        chance: what `pointed` and `inside` are for a random map: the mean share of the image that the mask covers.
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
    constant: int = 0


def explain_to(
    classifier: Classifier,
    data: Dataset,
    folder: Path,
    *,
    seed: int = 0,
    overwrite: bool = False,
    advance: Callable[[int], None] | None = None,
) -> SanityChecks:
    """Write `<id>.png` for each sample (the image next to its map) and `maps.csv`; return the sanity checks.

    Of a model that names several classes there is a map for each that it names, from left to right in the order of
    the table's rows, and that of the likeliest where it names none. Of a model that finds unknown regions there is one
    picture more, of these.

    Args:
        classifier: the trained classifier.
        data: the images. Masks are used by the checks only; the classifier never sees explanation.
        folder: output folder; it is complete or it does not exist.
        seed: seed of the shuffled weights.
        overwrite: replace an earlier explanation in `folder`.
        advance: called with the number of samples just done.

    Raises:
        OutputError: something is there already.
        ModelError: there are no maps of this model, or they are not finite.
        DataError: an image cannot be read, or an id leads out of the folder.
    """
    refuse_number_model(classifier.kind, "explaining", where=classifier.recipe.name)
    images = data.without_labels()
    rows: list[_Row] = []
    maps: list[Float[np.ndarray, "h w"]] = []
    constant: list[str] = []
    with lock_output(folder), _new_folder(folder, overwrite=overwrite) as draft:
        regions = classifier.unknown_regions(images) if classifier.finds_unknown else repeat(None)
        maps_of = class_saliency(classifier, images)
        for sample, explained, unknown in zip(data.samples, maps_of, regions, strict=False):
            _draw(draft, sample, explained, unknown, classifier)
            maps += [explained[0].map] if len(maps) < CHECKED else []
            rows += [_row(sample, each, classifier, data.classes) for each in explained]
            constant += [sample.id] if any(each.constant for each in explained) else []
            if advance is not None:
                advance(1)
        _write(draft / TABLE, rows)
        checks = _checks(rows, maps, classifier, images, seed)
        checks = replace(checks, images=len(data), constant=len(constant))
    if constant:
        _warn_of_constant(constant, len(data))
    return checks


@contextmanager
def _new_folder(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    check_folder(folder, overwrite=overwrite)
    with replace_folder(folder) as draft:
        yield draft


def _warn_of_constant(ids: Sequence[str], images: int) -> None:
    examples = listed(ids, 3)
    text = f"{len(ids)} of {images} saliency maps are constant and show nothing ({examples}): for this model no region "
    warnings.warn(f"{text}of the image speaks for its class more than another.", HandfulWarning, stacklevel=3)


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a place that is taken; a folder that holds no maps is never replaced.

    Raises:
        OutputError: names the remedy.
    """
    refuse_existing(folder, ours=lambda entry: (entry.parent / TABLE).is_file(), overwrite=overwrite)


@dataclass(frozen=True)
class _Row:
    id: str
    label: str | None
    prediction: str
    probability: float
    pointed: bool | None = None
    inside: float | None = None
    mask_share: float | None = None


def _row(sample: Sample, explanation: Saliency, classifier: Classifier, classes: tuple[str, ...]) -> _Row:
    label = None if sample.label is None else classes[sample.label]
    if sample.target is not None:
        label = _entry(sample.target, classifier.classes[explanation.predicted], classes)
    row = _Row(sample.id, label, classifier.classes[explanation.predicted], explanation.probability)
    own = _mask_of(sample, row.prediction, classes)
    mask = None if own is None else fit_mask(own, classifier.size, classifier.recipe.resize)
    if mask is None or not mask.any():
        return row
    share = float(mask.mean())
    return replace(
        row, pointed=pointing(explanation.map, mask), inside=share_inside(explanation.map, mask), mask_share=share
    )


def _mask_of(sample: Sample, name: str, classes: tuple[str, ...]) -> Mask | None:
    """The mask of a class where masks tell classes apart, otherwise of all objects; None: there is none."""
    if sample.mask is None or sample.mask_labels is None:
        return sample.mask
    return np.asarray(sample.mask_labels == classes.index(name) + 1) if name in classes else None


def _entry(target: Float32[np.ndarray, " k"], name: str, classes: tuple[str, ...]) -> str | None:
    """What the data say of a class in an image that may show several; None: nothing."""
    value = target[classes.index(name)] if name in classes else np.nan
    return None if np.isnan(value) else "present" if value == 1 else "absent"


def _checks(
    rows: Sequence[_Row], maps: Sequence[Float[np.ndarray, "h w"]], classifier: Classifier, images: Dataset, seed: int
) -> SanityChecks:
    part = images.select(range(len(maps)))
    others = [explanation.map for explanation in saliency(shuffled(classifier, seed=seed), part)]
    similar = float(np.mean([rank_correlation(a, b) for a, b in zip(maps, others, strict=True)])) if maps else np.nan
    masked = [row for row in rows if row.pointed is not None]
    if not masked:
        return SanityChecks(len(rows), len(maps), similar, 0)
    pointed = float(np.mean([bool(row.pointed) for row in masked]))
    low, high = wilson(pointed * len(masked), len(masked))
    inside, chance = (float(np.mean([getattr(row, name) for row in masked])) for name in ("inside", "mask_share"))
    return SanityChecks(len(rows), len(maps), similar, len(masked), pointed, low, high, inside, chance)


def overlay_heatmap(image: Image, map_: Float[np.ndarray, "h w"]) -> Image:
    """The image in gray under the map, from violet (low) to yellow (high); higher values are more opaque."""
    colors = (255 * mpl.colormaps["plasma"](map_)[..., :3]).transpose(2, 0, 1)
    gray = np.broadcast_to(image.astype(np.float64).mean(axis=0), image.shape)
    share = 0.25 + 0.5 * map_
    return np.asarray(np.rint(gray * (1 - share) + colors * share).astype(np.uint8))


def _draw(
    folder: Path,
    sample: Sample,
    explained: Sequence[Saliency],
    unknown: Int[np.ndarray, "h w"] | None,
    classifier: Classifier,
) -> None:
    path = safe_path(folder, f"{sample.id}.png")
    image = fit_size(pixels(sample), classifier.size, classifier.recipe.resize)
    gap = np.full((3, image.shape[1], 4), 255, dtype=np.uint8)
    parts = [part for each in explained for part in (gap, overlay_heatmap(image, each.map))]
    if unknown is not None:
        parts += [gap, paint_regions(image, (unknown > 0).astype(np.int64), UNKNOWN_COLOR)]
    both = np.concatenate([image, *parts], axis=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(np.ascontiguousarray(both.transpose(1, 2, 0))).save(path, format="PNG")


def _write(path: Path, rows: Sequence[_Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(_Row.__dataclass_fields__)
        for row in rows:
            table.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in vars(row).values()])
