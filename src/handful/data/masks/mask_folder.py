"""A folder of mask images, matched to the images of a data set by their names."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from handful.core.dataset import Dataset, Mask
from handful.core.left_out import LeftOut
from handful.data.masks.beside import is_mask
from handful.data.masks.class_areas import join_by_image
from handful.data.masks.image_file import Value, pages, read_mask
from handful.data.masks.names import IMAGE_SUFFIXES, Names, stem, without_ending
from handful.data.masks.partial import read_partial_mask
from handful.data.masks.provenance import FILE as PROVENANCE
from handful.data.masks.provenance import read_source
from handful.data.masks.shapes import Area, Drawing, Drawings
from handful.errors import DataError


def read_mask_folder(data: Dataset, folder: Path, value: Value | None) -> tuple[Drawings, list[int | None]]:
    """The masks in a folder of images, and the position of each one's sample; None: it has none.

    Args:
        data: the samples.
        folder: mask images; of images with several labels, folders named after classes may hold those of each class.
        value: as for `read_mask`.

    Raises:
        DataError: there is none, it is one of the images itself, or its name fits several images.
    """
    exact = {name: i for i, name in enumerate(data.ids)}
    by_stem: dict[str, list[int]] = {}
    for i, name in enumerate(data.ids):
        by_stem.setdefault(stem(name), []).append(i)
    names = Names(data.ids)
    images = {s.image.resolve() for s in data.samples if isinstance(s.image, Path)}
    folders = {path.parent for path in images}
    drawings: list[Drawing] = []
    positions: list[int | None] = []
    labels: list[str] = []
    paged, others, beside = [], [], []
    for path in files_below(folder):
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            others += [name] if path.name != PROVENANCE else []
            continue
        if path.resolve() in images or (path.parent.resolve() in folders and not is_mask(path)):
            beside.append(path)
            continue
        key = stem(name)
        candidates = [exact[key]] if key in exact else [exact[name]] if name in exact else by_stem.get(key, [])
        if len(candidates) > 1:
            what = f"fits several images: {', '.join(data.ids[i] for i in candidates)}"
            raise DataError(what, where=path, remedy=f"name it after one of them ({data.ids[candidates[0]]}.png).")
        label, rest = _class_folder(data, name)
        spellings = [spelling for n in dict.fromkeys((name, rest)) for spelling in (n, stem(n), without_ending(n))]
        position = candidates[0] if candidates else _first(names, spellings, path)
        if position is not None and path.suffix.lower() in (".tif", ".tiff", ".mpo", ".gif") and pages(path) > 1:
            paged.append(name)
        positions.append(position)
        labels.append(label)
        drawings.append(
            Drawing(
                (name,),
                str(path),
                None,
                partial(_read, path, value, label),
                source=partial(read_source, path),
                partial=partial(_read_partial, path),
            )
        )
    if beside and not drawings:
        remedy = (
            "give the folder or file of the masks, or name masks that lie beside their images after them (x.png or "
            "x_mask.png beside x.jpg)."
        )
        raise DataError("this is one of the images, not a mask", where=beside[0], remedy=remedy)
    if not drawings:
        remedy = "check the path; of COCO and Label Studio, name the JSON file."
        raise DataError("no mask images or labelme files found", where=folder, remedy=remedy)
    left_out = (
        LeftOut("further pages or frames of mask files", tuple(paged), "save one mask per file"),
        LeftOut("files among the masks that are not images", tuple(others), "remove them, or convert masks to PNG"),
    )
    drawings, positions = join_by_image(drawings, positions, [bool(label) for label in labels])
    return Drawings(tuple(drawings), tuple(item for item in left_out if item.paths)), positions


def _class_folder(data: Dataset, name: str) -> tuple[str, str]:
    """The class that the outermost folder is named after, of images with several labels ("": none), and the rest."""
    first, slash, rest = name.partition("/")
    return (first, rest) if slash and data.kind == "multilabel" and first in data.classes else ("", name)


def _first(names: Names, spellings: Sequence[str], where: Path) -> int | None:
    positions = (names.find(name, where) for name in spellings)
    return next((position for position in positions if position is not None), None)


def _read(path: Path, value: Value | None, label: str, size: tuple[int, int]) -> Iterator[Area]:  # noqa: ARG001
    yield Area(read_mask(path, value=value), str(path), label)


def _read_partial(path: Path, size: tuple[int, int]) -> tuple[Mask, Mask]:  # noqa: ARG001
    return read_partial_mask(path)


def files_below(folder: Path) -> list[Path]:
    """Its files, sorted, without hidden ones."""
    parts = (p.relative_to(folder).parts for p in sorted(folder.rglob("*")) if p.is_file())
    return [folder.joinpath(*p) for p in parts if not any(name.startswith(".") for name in p)]
