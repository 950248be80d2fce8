"""Print predictions: for people, as CSV, or as JSON."""

import csv
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from handful.cli._output import print_json, print_table

if TYPE_CHECKING:
    from handful.deployment.predict_table import PredictedChunk


def images_of(chunks: "Iterable[PredictedChunk]", *, top: int) -> list[dict[str, Any]]:
    """Each image as one object, with its most probable classes."""
    return [image for chunk in chunks for image in _images(chunk, top)]


def print_images(images: list[dict[str, Any]], *, json: bool, unit: str = "image") -> None:
    """Print the most probable classes of each image; `unit` says what a row is: an image, a group or a bag of them."""
    if json:
        print_json({"images": images})
    else:
        _print_for_people(images, unit)


def print_rows(chunks: "Iterable[PredictedChunk]", *, top: int | None, json: bool) -> int:
    """Print a row of CSV or one JSON object for each image, as soon as it is predicted.

    Returns:
        The number of images that could not be read.
    """
    from handful.deployment.table_files import ERROR, cells

    failed = 0
    table = csv.writer(sys.stdout, lineterminator="\n")
    for number, chunk in enumerate(chunks):
        failed += len(chunk.errors)
        if json:
            for image in _images(chunk, top):
                print_json(image)
            continue
        if number == 0:
            table.writerow([*chunk.columns, ERROR])
        table.writerows([*row, chunk.errors.get(i)] for i, row in enumerate(cells(chunk.columns)))
    return failed


def _images(chunk: "PredictedChunk", top: int | None) -> Iterator[dict[str, Any]]:
    """Each image of a chunk as one object, with the probabilities of its most probable classes in their order."""
    from handful.deployment.label_lists import has_numbers

    columns = chunk.columns
    if has_numbers(columns):
        for i, name in enumerate(columns["id"]):
            error = {"id": name, "error": chunk.errors.get(i)}
            yield error if i in chunk.errors else {key: _plain(column[i]) for key, column in columns.items()}
        return
    names = [name.removeprefix("p_") for name in columns if name.startswith("p_")]
    probabilities = np.stack([np.asarray(columns[f"p_{name}"], np.float64) for name in names], axis=1)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    for i, best in enumerate(order):
        if i in chunk.errors:
            yield {"id": columns["id"][i], "error": chunk.errors[i]}
            continue
        image: dict[str, Any] = {name: _plain(c[i]) for name, c in columns.items() if not name.startswith("p_")}
        yield {**image, "probabilities": {names[j]: _plain(probabilities[i, j]) for j in best}}


def _print_numbers(images: list[dict[str, Any]], keys: list[str], unit: str) -> None:
    """A row for each image, with its numbers."""
    rows = []
    for image in images:
        empty = f"not predicted: {image['error']}" if "error" in image else "-"
        rows.append((image["id"], *(f"{image[key]:.6g}" if key in image else empty for key in keys)))
    print_table((unit, *keys), rows, text=1)


def _plain(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float | np.floating) else value


def _print_for_people(images: list[dict[str, Any]], unit: str) -> None:
    if images and not any("probabilities" in image for image in images):
        keys = list(dict.fromkeys(key for image in images for key in image if key not in ("id", "error")))
        if keys:
            _print_numbers(images, keys, unit)
            return
    if all(len(image.get("probabilities", ())) < 2 for image in images) and any("labels" in image for image in images):
        texts = [image.get("labels", f"not predicted: {image.get('error')}") for image in images]
        print_table((unit, "labels"), [(image["id"], text) for image, text in zip(images, texts, strict=True)], text=2)
        return
    extra = [name for name in ("labels", "answer", "set") if any(name in image for image in images)]
    rows = []
    for image in images:
        if "error" in image:
            rows.append((image["id"], f"not predicted: {image['error']}", *("" for _ in extra), ""))
            continue
        for rank, (name, probability) in enumerate(image["probabilities"].items()):
            first = rank == 0
            cells = (str(image[n]) if first else "" for n in extra)
            rows.append((image["id"] if first else "", name, *cells, f"{100 * probability:.1f} %"))
    print_table((unit, "class", *extra, "probability"), rows, text=2 + len(extra))
