"""Masks of a folder or an annotation file, matched to the images by their file names."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal
from warnings import warn

from handful.core.dataset import Dataset, Mask, Sample
from handful.data.images import sample_size
from handful.data.masks.coco import is_coco, read_coco
from handful.data.masks.image_file import Value, read_mask
from handful.data.masks.label_studio import is_label_studio, read_label_studio
from handful.data.masks.labelme import is_labelme, read_labelme
from handful.data.masks.names import IMAGE_SUFFIXES, Names, stem
from handful.data.masks.shapes import Drawing, load_json
from handful.errors import DataError, HandfulWarning

Blank = Literal["error", "drop", "keep"]


def attach_masks(
    data: Dataset,
    source: str | Path,
    *,
    value: Value | None = None,
    unmatched: Literal["error", "ignore"] = "error",
    blank: Blank = "error",
) -> Dataset:
    """Attach the masks found at `source` to samples, as "hand" masks. Samples without one there are unchanged.

    `source` is recognized by its content: a folder of mask images that mirrors the images (same relative
    path, any image extension, or the extension added: "cat/001.png" and "cat/001.jpg.png" both fit
    "cat/001.jpg"), a folder of labelme JSON or one such file, a COCO JSON, or a Label Studio JSON export.
    `Names` says how names are matched.

    Args:
        data: the samples.
        source: a folder or a JSON file.
        value: as for `read_mask`; mask images only.
        unmatched: a mask whose image is not in `data` is an error, or ignored (for a part of a larger set).
        blank: a mask that is empty or covers everything is an error, is dropped with a warning, or is kept.

    Raises:
        DataError: unreadable or unknown files, a mask without image, two masks for one image, a mask of
            another size than its image, an empty or full mask; names the file.
    """
    source = Path(source)
    if not source.exists():
        raise DataError("no such file or folder", where=source, remedy="check the path of the masks.")
    matches = _mirrored(data, source, value) if source.is_dir() and not _any_labelme(source) else None
    if matches is None:
        if value is not None:
            what = "a foreground value was given, and these masks are shapes without pixel values"
            raise DataError(what, where=source, remedy="leave it out.")
        drawings = _drawings(source)
        positions = Names(data.ids).find_each([d.names for d in drawings], [d.where for d in drawings])
        matches = list(zip(positions, drawings, strict=True))
    samples = list(data.samples)
    origins: dict[int, str] = {}
    for i, drawing in matches:
        if i is None:
            if unmatched == "ignore":
                continue
            what = f"a mask without image: {drawing.names[-1]!r} is not among the {len(data)} images"
            raise DataError(what, where=drawing.where, remedy="remove the mask, add the image, or ignore such masks.")
        if i in origins:
            what = f"two masks for {samples[i].id}; the other is {origins[i]}"
            raise DataError(what, where=drawing.where, remedy="keep one of them.")
        origins[i] = drawing.where
        if drawing.size is not None:
            _check_size(samples[i], drawing.size, drawing.where)
        samples[i] = with_mask(samples[i], drawing.rasterize(), where=drawing.where, blank=blank)
    return replace(data, samples=tuple(samples))


def with_mask(sample: Sample, mask: Mask, *, where: object, source: str = "hand", blank: Blank = "error") -> Sample:
    """The sample with this mask, checked against its image.

    Raises:
        DataError: another size than the image's (after EXIF rotation), or empty or full and `blank` is
            "error".
    """
    _check_size(sample, (mask.shape[0], mask.shape[1]), where)
    if blank != "keep" and (mask.all() or not mask.any()):
        what = "the mask covers the whole image" if mask.all() else "the mask is empty"
        if blank == "error":
            remedy = "draw it again, name the value that is foreground, or remove it: an image may have no mask."
            raise DataError(f"{what} of {sample.id}", where=where, remedy=remedy)
        warn(f"{where}: {what} of {sample.id}; it is left out", HandfulWarning, stacklevel=2)
        return sample
    return replace(sample, mask=mask, mask_source=source)


def _check_size(sample: Sample, size: tuple[int, int], where: object) -> None:
    h, w = sample_size(sample)
    if (h, w) != size:
        raise DataError(
            f"the mask is {size[0]}x{size[1]} and its image {sample.id} {h}x{w} (height x width)",
            where=where,
            remedy="export the mask at the image's own size, with the same rotation.",
        )


def _any_labelme(folder: Path) -> bool:
    return any(is_labelme(load_json(p)) for p in _files(folder) if p.suffix.lower() == ".json")


def _drawings(source: Path) -> Sequence[Drawing]:
    if source.is_dir():
        annotations = [read_labelme(p, source) for p in _files(source) if p.suffix.lower() == ".json"]
        return [drawing for drawing in annotations if drawing is not None]
    if source.suffix.lower() != ".json":
        raise DataError("neither a folder nor a JSON file", where=source, remedy="give a folder for mask images.")
    content: Any = load_json(source)
    if is_coco(content):
        return read_coco(source)
    if is_label_studio(content):
        return read_label_studio(source)
    if is_labelme(content):
        drawing = read_labelme(source, source.parent)
        return [] if drawing is None else [drawing]
    raise DataError(
        "masks are not read from this kind of JSON",
        where=source,
        remedy="give COCO, labelme or Label Studio JSON (its full export, not JSON-MIN).",
    )


def _mirrored(data: Dataset, folder: Path, value: Value | None) -> list[tuple[int | None, Drawing]]:
    """Each mask image of a folder with the position of its sample."""
    exact = {name: i for i, name in enumerate(data.ids)}
    by_stem: dict[str, list[int]] = {}
    for i, name in enumerate(data.ids):
        by_stem.setdefault(stem(name), []).append(i)
    matches: list[tuple[int | None, Drawing]] = []
    for path in _files(folder):
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        name = path.relative_to(folder).as_posix()
        key = stem(name)
        candidates = [exact[key]] if key in exact else [exact[name]] if name in exact else by_stem.get(key, [])
        if len(candidates) > 1:
            what = f"fits several images: {', '.join(data.ids[i] for i in candidates)}"
            raise DataError(what, where=path, remedy=f"name it after one of them ({data.ids[candidates[0]]}.png).")
        rasterize = partial(read_mask, path, value=value)
        matches.append((candidates[0] if candidates else None, Drawing((name,), str(path), None, rasterize)))
    if not matches:
        raise DataError("no mask images or labelme files found", where=folder, remedy="check the path.")
    return matches


def _files(folder: Path) -> list[Path]:
    parts = (p.relative_to(folder).parts for p in sorted(folder.rglob("*")) if p.is_file())
    return [folder.joinpath(*p) for p in parts if not any(name.startswith(".") for name in p)]
