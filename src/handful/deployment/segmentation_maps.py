"""Predicted segmentation maps as pictures: the most probable class of each pixel, painted over the image."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image as Picture

from handful.core.dataset import Dataset, Sample
from handful.core.files import replace_folder, safe_path
from handful.core.prediction import Predictor
from handful.data.images import pixels
from handful.reports.overlay import UNKNOWN_COLOR, paint_regions, palette

LEGEND = "legend.csv"  # in the folder of maps
UNKNOWN_REGION = "unknown region"  # in the legend


@contextmanager
def draw_maps(folder: Path, classifier: Predictor) -> Iterator[Callable[[Dataset], None]]:
    """A function that draws the maps of some images into a new folder, which replaces `folder` if all goes well."""
    _check_maps(classifier)
    colors = palette(len(classifier.classes))
    with replace_folder(folder) as draft:
        names = (*classifier.classes, UNKNOWN_REGION) if classifier.finds_unknown else classifier.classes
        colors = np.concatenate([colors, UNKNOWN_COLOR]) if classifier.finds_unknown else colors
        _write_legend(draft / LEGEND, names, colors)

        def write_maps(images: Dataset) -> None:
            unknown = classifier.unknown_regions(images) if classifier.finds_unknown else repeat(None)
            for sample, probabilities, regions in zip(images.samples, classifier.maps(images), unknown, strict=False):
                _save_overlay(draft, sample, probabilities, regions, classifier, colors)

        yield write_maps


def _save_overlay(
    folder: Path,
    sample: Sample,
    probabilities: Float[np.ndarray, "k1 h w"],
    unknown: Int[np.ndarray, "h w"] | None,
    classifier: Predictor,
    colors: UInt8[np.ndarray, "k 3"],
) -> None:
    """Draw the most probable class of each pixel, and unknown regions, over an image at the image's own size."""
    path = safe_path(folder, f"{sample.id}.png")
    most_probable = probabilities.argmax(axis=0)
    image = pixels(sample)
    size = (image.shape[1], image.shape[2])
    regions = np.zeros(size, dtype=np.int64)
    for value in np.unique(most_probable[most_probable > 0]):
        regions[classifier.own_size(most_probable == value, size)] = value
    if unknown is not None:
        regions[classifier.own_size(unknown > 0, size)] = len(colors)
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(paint_regions(image, regions, colors).transpose(1, 2, 0)).save(path, format="PNG")


def _write_legend(path: Path, classes: tuple[str, ...], colors: UInt8[np.ndarray, "k 3"]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("class", "colour"))
        rows.writerows((name, "#" + bytes(c).hex()) for name, c in zip(classes, colors, strict=True))


def _check_maps(classifier: Predictor) -> None:
    """Refuse a model that does not segment, before anything is predicted.

    Raises:
        ModelError: the model does not segment.
    """
    blank = Dataset((Sample("blank", np.zeros((3, 8, 8), np.uint8)),), classifier.classes)
    next(iter(classifier.maps(blank)))
