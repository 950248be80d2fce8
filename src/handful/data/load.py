"""Loading of data sets from a folder, a table, an archive (.zip, .tar, .npz), or by the name of a public data set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from warnings import warn

from handful.core.dataset import Dataset
from handful.core.file_names import printable
from handful.core.text import listed
from handful.data.candidate_labels import candidate_dataset
from handful.data.check import check
from handful.data.class_names import with_classes
from handful.data.class_tree import read_tree
from handful.data.frames import further_frames
from handful.data.left_out import SHOWN, warn_left_out
from handful.data.masks.beside import UNUSED, separate_masks
from handful.data.masks.kinds import attach_of_kind, mask_kind
from handful.data.multilabel import Unlisted
from handful.data.pixel_range import with_pixel_range
from handful.data.readers.file_tree import ANNOTATIONS
from handful.data.readers.packed import is_packed, unpack
from handful.data.readers.read_source import read_source
from handful.errors import DataError, HandfulWarning, option


@dataclass(frozen=True)
class ReadOptions:
    """How a data set is read from its source.

    Attributes:
        masks: a folder of masks or an annotation file, as `handful.data.masks.attach.attach_masks` reads them.
        partial_masks: the masks speak of some pixels only, see `handful.data.masks.partial`.
        paired_masks: the masks are second photographs that show the object alone, see `handful.data.masks.paired`.
        paired_threshold: brightness of the object in these; None: by Otsu's rule.
        classes: the expected class names; None: those that occur.
        columns: a table's own column names, by role: {"path": "filename"}.
        unlabelled: accept images in no class folder, as unlabelled.
        any_layout: accept a folder of any layout; where it is not that of a training set, its images are unlabelled.
        allow_outside: let a table's paths leave its folder.
        on_error: called with the id and the error of a row of a table that cannot be used, which is left out; None:
            the error is raised.
        root: the folder of torchvision data sets.
        download: let torchvision fetch a set that is not there.
        bit_depth: number of bits per channel of 16-bit images, such as 12.
        window: the values of deep images that become black and white.
        find_range: find the range of deep images over the data set, if neither is given; False: a model knows it.
        multilabel: how the source writes several labels per image, as `handful.data.multilabel.parse_label_format`
            reads it; None: one label per image.
        unlisted: what a class is that a list or an empty cell does not name, "absent" or "unknown"; None: absent in
            lists, folders and annotations (of LVIS, unknown), unknown in columns.
        number: the columns of a table that hold numbers to predict, "age" or "age,area".
        bag: the column of a table that names the bag of each image, or "folders"; None: there are no bags.
        tree: a file of nested YAML with the groups of classes that labels may name; None: labels are classes.
        candidates: separator of the classes in a label of which the image shows one; None: a label is one name.
    """

    masks: str | Path | None = None
    partial_masks: bool = False
    paired_masks: bool = False
    paired_threshold: float | None = None
    classes: Sequence[str] | None = None
    columns: Mapping[str, str] | None = None
    unlabelled: bool = False
    any_layout: bool = False
    allow_outside: bool = False
    on_error: Callable[[str, DataError], None] | None = None
    root: str | Path = "data"
    download: bool = False
    bit_depth: int | None = None
    window: tuple[float, float] | None = None
    find_range: bool = True
    multilabel: str | None = None
    unlisted: str | None = None
    number: str | None = None
    bag: str | None = None
    tree: str | Path | None = None
    candidates: str | None = None


def load_data(
    source: str | Path,
    *,
    masks: str | Path | None = None,
    partial_masks: bool = False,
    paired_masks: bool = False,
    paired_threshold: float | None = None,
    classes: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    unlabelled: bool = False,
    allow_outside: bool = False,
    strict: bool = False,
    root: str | Path = "data",
    download: bool = False,
    bit_depth: int | None = None,
    window: tuple[float, float] | None = None,
    multilabel: str | None = None,
    unlisted: Unlisted | None = None,
    number: str | None = None,
    bag: str | None = None,
    tree: str | Path | None = None,
    candidates: str | None = None,
) -> Dataset:
    """The data set at a path or of a name. Image files are listed, and decoded if they are deep (16-bit).

    What the source holds and the data set does not is named in a `HandfulWarning`, one for each kind, and listed in
    `Dataset.left_out`. Masks that lie among the images are attached to them, as
    `handful.data.masks.beside.separate_masks` says.

    Args:
        source: an image folder, also as an archive (.zip, .tar, .tgz); a table (.csv, .tsv, .txt, .parquet); arrays
            (.npz); a Parquet file with images inside, a folder of such files or one that `save_to_disk` of Hugging Face
            wrote; an annotation file (.json, with `multilabel`); "mnist5k" or "digits", which come with packages; or
            "torchvision:NAME". Write "./digits" for a folder of such a name.
        masks: a folder of masks or an annotation file, as `handful.data.masks.attach.attach_masks` reads them.
        partial_masks: the masks speak of some pixels only: points, lines and boxes of an annotation file count, and
            mask images are 0 (background), 255 (object) and 128 (unknown).
        paired_masks: the masks are second photographs of the same size, in which only the object is bright.
        paired_threshold: brightness of the object in these, in (0, 1); None: by Otsu's rule in each.
        classes: the expected class names; a label outside them is refused.
        columns: a table's own column names, by role: {"path": "filename"}.
        unlabelled: accept images in no class folder, as unlabelled.
        allow_outside: let a table's paths leave its folder.
        strict: check everything now (`handful.data.check.check`) and refuse what it would only warn of.
        root: the folder of torchvision data sets.
        download: let torchvision fetch a set that is not there.
        bit_depth: number of bits per channel of 16-bit images, such as 12; None: found over the data set, as
            `handful.data.pixel_range.with_pixel_range` does.
        window: the values of deep images (16-bit, signed, float, DICOM) that become black and white.
        multilabel: how the source writes several labels per image: the separator of the names in a table's column
            `label`, such as "|"; "columns" (or "columns:NAME,NAME") for a column of 1 and 0 per class; "folders" for
            images that lie in several class folders; "annotations" for the categories of a COCO or LVIS file or the
            choices of a Label Studio file (.json). An archive `.npz` with `targets` needs none. None: one label.
        unlisted: what a class is that a list or an empty cell does not name, "absent" or "unknown"; None: absent in
            lists, folders and annotations (of LVIS, unknown), unknown in columns.
        number: the column of a table with a number to predict for each image, such as "age", in place of a label; or
            several, "age,area".
        bag: labels belong to bags of images, such as the tiles of a slide: the column of a table that names the bag of
            each image, or "folders" for folders class/bag/images.
        tree: a file of nested YAML with the classes in their groups. A label may then name a group, and its images have
            the classes below as candidates: they are learned from, and never drawn or scored.
        candidates: separator of the classes in a label, such as "|" in "sparrow|duck": the image shows one of them.

    Raises:
        DataError: no such path or name (with the nearest), or data that cannot be used as they are.

    Example:
        >>> from handful import load_data
        >>> data = load_data("digits")
        >>> len(data), data.classes[:3]
        (1797, ('0', '1', '2'))
    """
    options = ReadOptions(
        masks=masks,
        partial_masks=partial_masks,
        paired_masks=paired_masks,
        paired_threshold=paired_threshold,
        classes=classes,
        columns=columns,
        unlabelled=unlabelled,
        allow_outside=allow_outside,
        root=root,
        download=download,
        bit_depth=bit_depth,
        window=window,
        multilabel=multilabel,
        unlisted=unlisted,
        number=number,
        bag=bag,
        tree=tree,
        candidates=candidates,
    )
    data = read_dataset(source, options)
    warn_left_out(data)
    if strict:
        check(data, strict=True)
    return data


def read_dataset(source: str | Path, options: ReadOptions) -> Dataset:
    """The data set at a path or of a name, with its masks attached; see `load_data`. `left_out` is not reported.

    Raises:
        DataError: unknown name (with the nearest), or data that cannot be used as they are.
    """
    grouped = options.tree is not None or options.candidates is not None
    plain = replace(options, classes=None) if grouped else options
    data = separate_masks(read_source(source, plain), unused=_unused_masks(source, options))
    data = _with_candidates(data, source, options) if grouped else data
    data = replace(data, left_out=(*data.left_out, *further_frames(data)))
    if options.find_range:
        data = with_pixel_range(data, bit_depth=options.bit_depth, window=options.window)
    kind = mask_kind(options.masks, options.partial_masks, options.paired_masks, options.paired_threshold, where=source)
    if options.masks is None:
        return data
    masks = Path(options.masks)
    if _is_same(source, masks) and any(s.mask is not None for s in data.samples):
        return data
    data = replace(data, left_out=tuple(item for item in data.left_out if item.kind != ANNOTATIONS))
    place = unpack(masks).root if is_packed(masks) and masks.is_file() else masks
    data = attach_of_kind(kind, data, place, threshold=options.paired_threshold)
    _say_without_mask(data, masks)
    return data


def _with_candidates(data: Dataset, source: str | Path, options: ReadOptions) -> Dataset:
    """The data whose labels may name groups of classes, or several classes.

    Raises:
        DataError: images have several labels, numbers or bags; or as `candidate_dataset`.
    """
    where = option("candidates", options.candidates) if options.tree is None else option("tree", str(options.tree))
    if data.kind != "multiclass":
        remedy = "leave one of them out."
        raise DataError("candidates are for images with one class each", where=where, remedy=remedy)
    tree = None if options.tree is None else read_tree(Path(options.tree))
    expected = options.classes or ()
    found = candidate_dataset(data, tree=tree, separator=options.candidates, expected=expected, where=source)
    return with_classes(found, options.classes)


def _unused_masks(source: str | Path, options: ReadOptions) -> str | None:
    """Why masks beside the images are not used, as a remedy; None: they are."""
    if options.any_layout:
        return UNUSED
    if options.masks is None or _is_same(source, options.masks):
        return None
    return f"to use them, leave out {option('masks', None)}"


def _is_same(source: str | Path, masks: str | Path) -> bool:
    """Whether the masks are looked for where the images are."""
    return Path(source).resolve() == Path(masks).resolve()


def _say_without_mask(data: Dataset, source: Path) -> None:
    """A `HandfulWarning` that counts the labelled images that are not of the test split and have no mask."""
    learned = [s for s in data.samples if s.labelled and s.split != "test"]
    without = [s.id for s in learned if s.mask is None]
    if without:
        shown = listed([printable(name) for name in without], SHOWN, separator="; ")
        what = f"{source}: {len(without):,} of {len(learned):,} images have no mask there ({shown})"
        warn(what, HandfulWarning, stacklevel=4)
