"""Masks that lie among the images: `x.png` beside `x.jpg`, `x_mask.png`, `ground_truth/x.png`. They are not images.

Names say which file may be the mask of which image, and pixels whether it is one: a mask has a few values in large
regions, and the size of its image. The same photograph in two formats is two images.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath
from warnings import warn

import numpy as np
from jaxtyping import Float, Shaped
from PIL import Image as Picture

from handful.core.dataset import Dataset, Mask, Sample
from handful.core.file_names import printable
from handful.core.left_out import LeftOut
from handful.data.images import image_size, open_image
from handful.data.masks.image_file import read_mask
from handful.data.masks.names import MARKS, composed, stem
from handful.data.masks.provenance import least_sure, read_source
from handful.data.split_names import split_of
from handful.errors import DataError, HandfulWarning

_FOLDER = re.compile(rf"(?:{MARKS})", re.IGNORECASE)
_ENDING = re.compile(rf"(?<=.)[ ._-](?:{MARKS})(?:[ ._-]?\d{{1,2}})?$", re.IGNORECASE)
_PREFIX = re.compile(rf"^(?:{MARKS})[ ._-](?=.)", re.IGNORECASE)
_IMAGE_FOLDER = re.compile(r"(?:images?|imgs?|photos?|pictures?|rgb)", re.IGNORECASE)
_IMAGE_ENDING = re.compile(r"(?<=.)[ ._-](?:images?|img|rgb)$", re.IGNORECASE)

UNUSED = "name such a file alone to predict it"
MOST_VALUES = 32  # colors of a mask without loss
FLAT = 0.75  # share of a mask's pixels that equal their right neighbor
EDGE, BLACK_AND_WHITE = 24, 0.95  # of a mask with loss, this share of pixels is so near to black or white
THUMBNAIL, ALIKE, NEAR = 32, 0.9, 12.0  # correlation and mean difference of thumbnails of one picture in two formats


@dataclass(frozen=True)
class _Name:
    """The id of a sample without what marks masks and images in it, and how it is marked as a mask."""

    key: tuple[str, ...]
    named: bool
    in_folder: bool

    @property
    def marked(self) -> bool:
        return self.named or self.in_folder


def is_mask_folder(name: str) -> bool:
    """Whether a folder is named as one of masks: ground_truth, masks, labels and their like."""
    return _FOLDER.fullmatch(name.strip()) is not None


def separate_masks(data: Dataset, *, unused: str | None = None) -> Dataset:
    """The data set without the samples that are masks of others; these get them, which a `HandfulWarning` says.

    A sample is a mask of another if

    - its name is that of the other with an ending, a prefix or a folder that marks masks, such as `_mask`, `gt_` or
      `ground_truth/`, and it has few values in large regions;
    - it lies beside the other with the same name and another format, has the same size, and it alone has few values.

    Several masks of one image are joined; empty ones are not used. Classes of masks alone are removed.

    Args:
        data: the samples; only files are looked at.
        unused: list the masks in `left_out` with this remedy, instead of attaching them.

    Raises:
        DataError: a mask cannot be read.
    """
    files = _Files(data)
    pairs = files.marked() | files.same_names()
    loose = [i for i in files.unmatched() if i not in pairs]
    if not pairs and not loose:
        return data
    masks: dict[int, list[int]] = defaultdict(list)
    other_size: list[str] = []
    for mask, images in pairs.items():
        fitting = [i for i in images if files.size(i) == files.size(mask)]
        if not fitting:
            other_size.append(data.samples[mask].id)
        for image in fitting:
            masks[image].append(mask)
    left_out = [
        LeftOut("masks of another size than their images", tuple(other_size), "export them at the images' own size"),
        LeftOut("files among masks that fit no image", _ids(data, loose), "name them after their images"),
    ]
    samples = list(data.samples)
    if unused is None:
        for image, parts in masks.items():
            samples[image] = _with_masks(samples[image], [files.paths[i] for i in parts])
        _say(data, masks, [i for i in masks if samples[i].mask is None])
    else:
        used = sorted({mask for parts in masks.values() for mask in parts})
        left_out.append(LeftOut("masks beside the images", _ids(data, used), unused))
    samples = [s for i, s in enumerate(samples) if i not in pairs and i not in loose]
    left = replace(data, left_out=(*data.left_out, *(item for item in left_out if item.paths)))
    return _without_empty_classes(replace(left, samples=tuple(samples)), data)


class _Files:
    """The samples that are files, by their names."""

    def __init__(self, data: Dataset) -> None:
        self.paths = {i: s.image for i, s in enumerate(data.samples) if isinstance(s.image, Path)}
        self.ids = {i: data.samples[i].id for i in self.paths}
        self.labelled = {i for i in self.paths if data.samples[i].labelled}
        self.names = {i: _parse(name) for i, name in self.ids.items()}
        self.size = cache(lambda i: image_size(self.paths[i]))

    def marked(self) -> dict[int, list[int]]:
        """Files that are named as masks, and the images that each fits."""
        plain: dict[tuple[str, ...], list[int]] = defaultdict(list)
        if any(name.marked for name in self.names.values()):
            for i, name in self.names.items():
                if not name.marked:
                    plain[name.key].append(i)
                    if split_of(name.key[0]) is not None:
                        plain[name.key[1:]].append(i)
        pairs: dict[int, list[int]] = {}
        for i, name in self.names.items():
            images = plain.get(name.key, []) if name.marked else []
            images = [j for j in images if self._fits(i, j)]
            if images and (self._nested(i) or is_mask(self.paths[i])):
                pairs[i] = [j for j in images if len(images) == 1 or not is_mask(self.paths[j])] or images
        return pairs

    def same_names(self) -> dict[int, list[int]]:
        """Files beside one of the same name and another format, where one is a photograph and the others are masks."""
        beside: dict[str, list[int]] = defaultdict(list)
        for i, name in self.ids.items():
            if not self.names[i].marked:
                beside[composed(_stem(name)).casefold()].append(i)
        pairs: dict[int, list[int]] = {}
        for files in beside.values():
            if len(files) < 2:
                continue
            masks = [i for i in files if is_mask(self.paths[i])]
            photos = [i for i in files if i not in masks]
            if len(photos) == 1:
                photo = photos[0]
                found = [i for i in masks if self.size(i) == self.size(photo)]
                pairs |= {i: photos for i in found if not _same_picture(self.paths[i], self.paths[photo])}
        return pairs

    def unmatched(self) -> list[int]:
        """Unlabelled files in a folder of masks that lies beside splits: `handful.data.readers.folder` lists them."""
        folders = {i: PurePosixPath(name).parts for i, name in self.ids.items() if i not in self.labelled}
        if all(split_of(PurePosixPath(name).parts[0]) is None for name in self.ids.values()):
            return []
        return [i for i, parts in folders.items() if len(parts) > 1 and is_mask_folder(parts[0])]

    def _fits(self, mask: int, image: int) -> bool:
        """Whether a mask by its place may belong to an image: an ending or a prefix is not enough across folders."""
        if self.names[mask].in_folder:
            return True
        return PurePosixPath(self.ids[mask]).parent == PurePosixPath(self.ids[image]).parent

    def _nested(self, i: int) -> bool:
        """Whether a file is in a folder of masks within the folder of a class, where images/ lies beside it."""
        return self.names[i].in_folder and not is_mask_folder(PurePosixPath(self.ids[i]).parts[0])


def is_mask(path: Path) -> bool:
    """Whether a file has the pixels of a mask: few values in large regions, or black and white with loss."""
    try:
        with open_image(path) as opened:
            opened.load()
            picture = opened if opened.mode in ("1", "L", "P", "I;16", "I", "F") else opened.convert("RGB")
            pixels = np.asarray(picture)
    except DataError:
        return False
    some = _values(pixels[:: max(1, len(pixels) // 32)])  # a photograph is known by a few of its rows
    if len(np.unique(some)) <= MOST_VALUES:
        values = _values(pixels)
        flat = values.shape[1] < 2 or np.mean(values[:, 1:] == values[:, :-1]) >= FLAT
        if flat and len(np.unique(values)) <= MOST_VALUES:
            return True
    if picture.mode not in ("L", "RGB"):
        return False
    low, high = (pixels, pixels) if pixels.ndim == 2 else (pixels.min(axis=2), pixels.max(axis=2))
    return float(np.mean((high <= EDGE) | (low >= 255 - EDGE))) >= BLACK_AND_WHITE


def _values(pixels: Shaped[np.ndarray, "h w *c"]) -> Shaped[np.ndarray, "h w"]:
    """One number for each pixel, also of color."""
    if pixels.ndim == 2:
        return pixels
    r, g, b = (pixels[..., i].astype(np.uint32) for i in range(3))
    return np.asarray(r << 16 | g << 8 | b)


def _parse(name: str) -> _Name:
    path = PurePosixPath(composed(_stem(name)))
    base = _PREFIX.sub("", _ENDING.sub("", path.name))
    folders = [part for part in path.parts[:-1] if not is_mask_folder(part)]
    key = (*(part for part in folders if _IMAGE_FOLDER.fullmatch(part) is None), _IMAGE_ENDING.sub("", base))
    in_folder = len(folders) < len(path.parts) - 1
    return _Name(tuple(part.casefold() for part in key), base != path.name, in_folder)


def _stem(name: str) -> str:
    """The name without its extension, and without that of the image where it has both: "a.jpg.png" is "a"."""
    return stem(stem(name))


def _same_picture(a: Path, b: Path) -> bool:
    first, second = _thumbnail(a), _thumbnail(b)
    spread = float(first.std() * second.std())
    alike = float(np.mean((first - first.mean()) * (second - second.mean()))) / spread if spread > 0 else 0.0
    return alike > ALIKE and float(np.abs(first - second).mean()) < NEAR


def _thumbnail(path: Path) -> Float[np.ndarray, "h w"]:
    with open_image(path) as opened:
        small = opened.convert("RGB").resize((THUMBNAIL, THUMBNAIL), Picture.Resampling.BOX)
    return np.asarray(small.convert("L"), np.float64)


def _with_masks(sample: Sample, files: Sequence[Path]) -> Sample:
    """The sample with the union of these masks; as it is where that is empty, or covers everything."""
    mask: Mask = np.logical_or.reduce([read_mask(path) for path in files])
    if not mask.any() or mask.all():
        return sample
    return replace(sample, mask=mask, mask_source=least_sure(read_source(path) for path in files))


def _ids(data: Dataset, positions: Sequence[int]) -> tuple[str, ...]:
    return tuple(data.samples[i].id for i in positions)


def _say(data: Dataset, masks: dict[int, list[int]], blank: Sequence[int]) -> None:
    """One line: how many files are masks, with an example."""
    used = sorted({mask for parts in masks.values() for mask in parts})
    if not used:
        return
    example = next(((parts[0], image) for image, parts in masks.items() if image not in blank), None)
    mask, image = example or next((parts[0], image) for image, parts in masks.items())
    names = [PurePosixPath(name) for name in (data.samples[mask].id, data.samples[image].id)]
    endings = {PurePosixPath(data.samples[i].id).suffix.lower() for i in used}
    if len(endings) == 1 and names[0].with_suffix("") == names[1].with_suffix(""):
        what = (
            f"{len(used)} {endings.pop()} files beside a {names[1].suffix.lower()} of the same name are read as masks"
        )
    else:
        what = f"{len(used)} files that are named after another image are read as its mask"
    what += f", not as images ({printable(str(names[0]))} for {printable(str(names[1]))})"
    if blank:
        what += f"; {len(blank)} of the masks are empty or cover everything, and are not used"
    warn(what, HandfulWarning, stacklevel=4)


def _without_empty_classes(data: Dataset, before: Dataset) -> Dataset:
    """The data set without the classes that have lost all of their samples."""
    if data.kind != "multiclass":
        return data
    lost = [c for c, (n, had) in enumerate(zip(data.counts, before.counts, strict=True)) if had and not n]
    if not lost:
        return data
    classes = [c for c in range(len(data.classes)) if c not in lost]
    position = {c: i for i, c in enumerate(classes)}
    samples = (replace(s, label=None if s.label is None else position[s.label]) for s in data.samples)
    return replace(data, samples=tuple(samples), classes=tuple(data.classes[c] for c in classes))
