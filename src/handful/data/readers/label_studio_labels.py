"""Choices of the images in a Label Studio JSON export (https://labelstud.io/guide/export), single or multiple."""

import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from handful.core.left_out import LeftOut
from handful.data.class_names import nfc
from handful.data.masks.label_studio import image_names, results_of
from handful.data.masks.shapes import format_errors
from handful.data.multilabel import NOTHING
from handful.data.readers.image_labels import ImageLabels
from handful.errors import DataError, nearest, option


def label_studio_labels(
    content: Sequence[Mapping[str, Any]], path: Path, field: str | None
) -> tuple[list[ImageLabels], tuple[LeftOut, ...]]:
    """The choices of each task, of the annotation that counts: the ground truth, otherwise the newest.

    The choice "none" alone is an image that shows none of the classes.

    Raises:
        DataError: a task is not valid, no task has choices, or several fields have and none of them is named.
    """
    tasks: list[tuple[tuple[str, ...], str, dict[str, list[str]]]] = []
    older: list[str] = []
    for number, task in enumerate(content):
        name = f"task {reprlib.repr(task.get('id', number)).strip(chr(39))}"
        with format_errors(f"{path}, {name}", "Label Studio JSON"):
            results, unused = results_of(dict(task))
            older += [name] * unused
            chosen: dict[str, list[str]] = {}
            for result in results:
                if result.get("type") == "choices":
                    names = [nfc(str(choice).strip()) for choice in result["value"]["choices"]]
                    chosen.setdefault(str(result["from_name"]), []).extend(names)
            tasks.append((_paths(task["data"]), f"{path}, {name}", chosen))
    field = _field(sorted({name for _, _, chosen in tasks for name in chosen}), field, path)
    rows = [_labels(paths, where, chosen.get(field)) for paths, where, chosen in tasks]
    kind = "Label Studio annotations that were cancelled, or of which a newer one or the ground truth is used"
    remedy = "delete them, or mark the right one as ground truth"
    return rows, (LeftOut(kind, tuple(older), remedy),) if older else ()


def _labels(paths: tuple[str, ...], where: str, chosen: Sequence[str] | None) -> ImageLabels:
    """The choices as labels; "none" alone is no class."""
    names = tuple(dict.fromkeys(chosen or ()))
    if NOTHING in names and len(names) > 1:
        raise DataError(
            f"the choices {', '.join(names)} name classes, and none",
            where=where,
            remedy="keep none alone, or the others.",
        )
    return ImageLabels(paths, where, () if NOTHING in names else names, shows_none=NOTHING in names)


def _paths(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Possible paths of the image: as the task names it, and by its name alone."""
    names = image_names(dict(data))
    return tuple(dict.fromkeys((*names, *(PurePosixPath(name).name for name in names))))


def _field(fields: Sequence[str], requested: str | None, path: Path) -> str:
    """The field of choices that is read."""
    if not fields:
        raise DataError("no task has choices", where=path, remedy="export annotations in which choices were made.")
    if requested is not None:
        if requested not in fields:
            what = f"no field of choices is called {requested!r}"
            raise DataError(what, where=path, remedy=nearest(requested, tuple(fields)))
        return requested
    if len(fields) > 1:
        raise DataError(
            f"several fields have choices: {', '.join(fields)}",
            where=path,
            remedy=f"choose one: {option('columns', {'label': fields[0]})}.",
        )
    return fields[0]
