"""Masks of a folder or an annotation file, matched to the images by their file names."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from warnings import warn

from handful.core.dataset import Dataset, Mask, Sample
from handful.core.left_out import LeftOut
from handful.data.images import sample_size
from handful.data.left_out import merged, summary
from handful.data.masks.class_areas import merge_areas
from handful.data.masks.coco import is_coco, read_coco
from handful.data.masks.image_file import Value
from handful.data.masks.label_studio import is_label_studio, read_label_studio
from handful.data.masks.labelme import is_labelme, read_labelme
from handful.data.masks.mask_folder import files_below, read_mask_folder
from handful.data.masks.names import Names
from handful.data.masks.partial import UNKNOWN, is_partial
from handful.data.masks.provenance import FILE as PROVENANCE
from handful.data.masks.provenance import Provenance, read_provenance
from handful.data.masks.shapes import Area, Drawings, load_json
from handful.errors import DataError, HandfulWarning, alternatives, hint, offers, option

Blank = Literal["error", "drop", "keep"]
MOST_LOOKED_AT = 8  # files of a folder in which a third value is looked for


def attach_masks(data: Dataset, source: str | Path, *, value: Value | None = None, blank: Blank = "error") -> Dataset:
    """Attach the masks found at `source` to samples. Samples without one there are unchanged.

    Masks are "hand" masks, unless their files or entries say that `handful propagate` or `handful annotate` made them
    (`handful.data.masks.provenance`).

    `source` is recognized by its content: a folder of mask images that mirrors the images (same relative
    path, any image extension, or the extension added: "cat/001.png" and "cat/001.jpg.png" both fit
    "cat/001.jpg"), a folder of labelme JSON or one such file, a COCO JSON, or a Label Studio JSON export. A mask image
    may end in "_mask" and the like, and lie in another folder if its name fits one image alone. `Names` says how names
    are matched. What is not used is in `left_out` of the result.

    Of images with several labels, masks tell classes apart where they name them: mask images in a folder named after
    the class ("scratch/001.png" and "dent/001.png"), COCO's categories, labelme's and Label Studio's labels.

    Args:
        data: the samples.
        source: a folder or a JSON file.
        value: as for `read_mask`; mask images only.
        blank: a mask that is empty or covers everything is an error, is left out, or is kept.

    Raises:
        DataError: unreadable or unknown files, no mask that belongs to an image, two masks for one image, a mask of
            another size than its image, an empty or full mask; names the file.
    """
    source = Path(source)
    found, positions = find_masks(data, source, value=value)
    _refuse_unusable(data, source, found, positions)
    samples, left_out = list(data.samples), list(found.left_out)
    origins: dict[int, str] = {}
    for i, drawing in zip(positions, found.drawings, strict=True):
        if i is None:
            continue
        left_out += drawing.left_out
        if drawing.areas is None:
            continue
        if i in origins:
            what = f"two masks for {samples[i].id}; the other is {origins[i]}"
            raise DataError(what, where=drawing.where, remedy="keep one of them.")
        origins[i] = drawing.where
        size = sample_size(samples[i])
        if drawing.size is not None:
            _check_size(samples[i], drawing.size, drawing.where)
        areas = _checked(samples[i], drawing.areas(size))
        mask, labels, only = merge_areas(samples[i], areas, data.classes, size)
        if not mask.any() and samples[i].shows_none:
            continue
        if blank == "drop" and (mask.all() or not mask.any()):
            kind = "masks that cover the whole image" if mask.all() else "empty masks"
            left_out.append(LeftOut(kind, (samples[i].id,), "draw them again"))
        else:
            masked = with_mask(samples[i], mask, where=drawing.where, source=drawing.source(), blank=blank)
            samples[i] = masked if masked.mask is None else replace(masked, mask_labels=labels, known=only)
    left_out += _missing(data, found, positions)
    _say_boxes(found, positions, source)
    if value is None and source.is_dir():
        _say_partial(found, positions, source)
    attached = replace(data, samples=tuple(samples), left_out=(*data.left_out, *merged(left_out)))
    return with_provenance(attached, data, read_provenance(source))


def find_masks(data: Dataset, source: Path, *, value: Value | None = None) -> tuple[Drawings, list[int | None]]:
    """The masks at `source`, and the position of each one's sample; None: it has none.

    Raises:
        DataError: unreadable or unknown files, or a name that fits several images.
    """
    if not source.exists():
        raise DataError("no such file or folder", where=source, remedy="check the path of the masks.")
    if source.is_dir() and not _any_labelme(source):
        return read_mask_folder(data, source, value)
    if value is not None:
        what = "a foreground value was given, and these masks are shapes without pixel values"
        raise DataError(what, where=source, remedy="leave it out.")
    found = _drawings(source)
    return found, Names(data.ids).find_each([d.names for d in found.drawings], [d.where for d in found.drawings])


def with_provenance(data: Dataset, before: Dataset, provenance: Provenance | None) -> Dataset:
    """The data set with the images that the model behind its propagated masks saw.

    Args:
        data: with new masks.
        before: without them; it may have propagated masks of another model.
        provenance: of the new masks; None: unknown.
    """
    new = None if provenance is None or provenance.saw is None else frozenset(provenance.saw.values())
    if any(s.mask_source == "propagated" for s in before.samples):
        new = None if new is None or before.segmenter_saw is None else new | before.segmenter_saw
    return replace(data, segmenter_saw=new)


def _refuse_unusable(data: Dataset, source: Path, found: Drawings, positions: Sequence[int | None]) -> None:
    """Refuse a source of which nothing can be used."""
    masks = [(d, i) for d, i in zip(found.drawings, positions, strict=True) if d.areas is not None]
    if not masks:
        unused = [
            f"; {summary(item)}" for item in merged([*found.left_out, *(x for d in found.drawings for x in d.left_out)])
        ]
        marked = any(d.partial is not None for d in found.drawings)
        ways = [*([_how_to_read_marks()] if marked else []), "draw some", "leave these masks out"]
        raise DataError(f"no masks in it{''.join(unused)}", where=source, remedy=alternatives(ways))
    if all(i is None for _, i in masks):
        first = masks[0][0]
        more = "" if len(masks) == 1 else f", nor is that of any of the {len(masks)} masks"
        raise DataError(
            f"a mask without image: {first.names[-1]!r} is not among the {len(data)} images{more}",
            where=first.where,
            remedy=f"name the masks after their images ({_example(data)}), or check both paths.",
        )


def _example(data: Dataset) -> str:
    """How a mask of an image is named, as an example."""
    if data.kind == "multilabel":
        return f"001.png for 001.jpg; in folders named after classes, {data.classes[0]}/001.png"
    return "cat/001.png for cat/001.jpg"


def _missing(data: Dataset, found: Drawings, positions: Sequence[int | None]) -> list[LeftOut]:
    """The masks whose images are not in the data."""
    missing = [d for d, i in zip(found.drawings, positions, strict=True) if i is None and d.areas is not None]
    names = tuple(d.names[-1] for d in missing)
    remedy = f"add the images, or name the masks after theirs ({_example(data)})"
    return [LeftOut("masks without image", names, remedy)] if names else []


def _say_boxes(found: Drawings, positions: Sequence[int | None], source: Path) -> None:
    boxes = sum(d.boxes for d, i in zip(found.drawings, positions, strict=True) if i is not None)
    if boxes:
        what = f"{source}: {boxes} annotations have a bounding box and no outline; the boxes are used as masks"
        warn(what, HandfulWarning, stacklevel=3)


def _how_to_read_marks() -> str:
    """What to do with masks that speak of some pixels only, where they were read as whole ones."""
    if offers("partial_masks"):
        return f"read them as partial masks{hint('partial_masks')}"
    return f"pass them to fit or propagate with {option('partial_masks')}"


def _say_partial(found: Drawings, positions: Sequence[int | None], source: Path) -> None:
    """Say that masks have a third value, which most often means that nothing is known there."""
    files = (Path(d.where) for d, i in zip(found.drawings, positions, strict=True) if i is not None and d.size is None)
    if any(is_partial(path) for path in islice((p for p in files if p.suffix.lower() == ".png"), MOST_LOOKED_AT)):
        what = (
            f"{source}: masks have the gray levels 0, {UNKNOWN} and 255, and {UNKNOWN} is read as object; if it marks "
            f"where nothing is known, {_how_to_read_marks()}"
        )
        warn(what, HandfulWarning, stacklevel=3)


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
    return replace(sample.without_mask(), mask=mask, mask_source=source)


def _check_size(sample: Sample, size: tuple[int, int], where: object) -> None:
    h, w = sample_size(sample)
    if (h, w) != size:
        raise DataError(
            f"the mask is {size[0]}x{size[1]} and its image {sample.id} {h}x{w} (height x width)",
            where=where,
            remedy="export the mask at the image's own size, with the same rotation.",
        )


def _any_labelme(folder: Path) -> bool:
    return any(is_labelme(load_json(p)) for p in files_below(folder) if p.suffix.lower() == ".json")


def _drawings(source: Path) -> Drawings:
    if source.is_dir():
        files = [p for p in files_below(source) if p.suffix.lower() == ".json" and p.name != PROVENANCE]
        read = [(p, read_labelme(p, source)) for p in files]
        others = tuple(p.relative_to(source).as_posix() for p, drawing in read if drawing is None)
        left_out = LeftOut("JSON files that are not of labelme", others, "name such a file itself to read its masks")
        return Drawings(tuple(d for _, d in read if d is not None), (left_out,) if others else ())
    if source.suffix.lower() != ".json":
        raise DataError("neither a folder nor a JSON file", where=source, remedy="give a folder for mask images.")
    content: Any = load_json(source)
    if is_coco(content):
        return read_coco(source)
    if is_label_studio(content):
        return read_label_studio(source)
    if is_labelme(content):
        drawing = read_labelme(source, source.parent)
        return Drawings(() if drawing is None else (drawing,))
    raise DataError(
        "masks are not read from this kind of JSON",
        where=source,
        remedy="give COCO, labelme or Label Studio JSON (its full export, not JSON-MIN).",
    )


def _checked(sample: Sample, areas: Iterable[Area]) -> Iterator[Area]:
    """Refuse areas of another size than their image."""
    for area in areas:
        _check_size(sample, (area.mask.shape[0], area.mask.shape[1]), area.where)
        yield area
