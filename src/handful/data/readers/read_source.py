"""Which reader reads a source: a folder, an archive, a table, a file of annotations, or a public data set."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from handful.core.dataset import Dataset
from handful.data.bags import bag_dataset, in_folders, refuse_form_of_bags, refuse_other_targets
from handful.data.class_names import with_classes
from handful.data.multilabel import label_format, merge_copies, refuse_form
from handful.data.numbers import parse_quantities
from handful.data.readers.annotation_file import read_annotation_file
from handful.data.readers.embedded import read_embedded
from handful.data.readers.folder import read_any_folder, read_folder
from handful.data.readers.hugging_face import read_hugging_face
from handful.data.readers.hugging_face_files import is_hugging_face
from handful.data.readers.multilabel_table import read_multilabel_table
from handful.data.readers.npz import read_npz
from handful.data.readers.number_table import read_number_table
from handful.data.readers.packed import is_packed, unpack
from handful.data.readers.table import read_table
from handful.data.readers.table_rows import SPREADSHEETS, TABLES, spreadsheet
from handful.data.readers.torchvision import read_torchvision
from handful.data.sources import EMBEDDED, TORCHVISION, refuse_missing
from handful.errors import DataError, hint, option

if TYPE_CHECKING:
    from handful.data.load import ReadOptions


def read_source(source: str | Path, options: "ReadOptions") -> Dataset:
    """The images at a path or of a name with their labels, by what the source is; masks are not attached.

    Args:
        source: as for `handful.data.load.load_data`.
        options: how it is read; those of masks, pixel ranges, trees and candidates are not used.

    Raises:
        DataError: no such path or name, or data that cannot be used as they are.
    """
    path, classes = Path(source), options.classes
    labels = label_format(options.multilabel, options.unlisted)
    if options.bag is not None:
        return _read_bags(path, options.bag, options)
    if options.number is not None:
        return _read_numbers(path, options.number, options)
    if isinstance(source, str):
        if source in EMBEDDED:
            if path.exists():
                raise DataError(
                    f"{source!r} is both a path here and an embedded data set",
                    where=source,
                    remedy=f"write ./{source} for the path, or rename it.",
                )
            refuse_form(labels, source, ())
            return with_classes(read_embedded(source), classes)
        if source.startswith(TORCHVISION):
            refuse_form(labels, source, ())
            name, root = source.removeprefix(TORCHVISION), Path(options.root)
            return with_classes(read_torchvision(name, root=root, download=options.download), classes)
    refuse_missing(source)
    if is_hugging_face(path):
        refuse_form(labels, source, ())
        return _read_rows(read_hugging_face, path, options)
    if path.is_dir():
        return _read_folder(path, options)
    if is_packed(path):
        return _read_packed(path, options)
    if path.suffix.lower() in TABLES:
        refuse_form(labels, source, ("list", "columns"))
        read = read_table if labels is None else partial(read_multilabel_table, labels=labels)
        return _read_rows(read, path, options)
    if path.suffix.lower() == ".json":
        if labels is None:
            raise DataError(
                "a file of annotations may give an image several labels",
                where=source,
                remedy=f"say that they are to be read{hint('multilabel', 'annotations')}; for masks, give the images, "
                f"and this file as the masks{hint('masks', 'PATH')}.",
            )
        refuse_form(labels, source, ("annotations",))
        return _read_rows(partial(read_annotation_file, labels=labels), path, options)
    if path.suffix.lower() == ".npz":
        refuse_form(labels, source, ())
        return read_npz(path, classes=classes)
    if path.suffix.lower() in SPREADSHEETS:
        raise spreadsheet(path)
    raise DataError(
        "this is not a folder, a table (.csv, .tsv, .parquet) or an archive (.zip, .tar, .tgz, .npz)",
        where=source,
        remedy="give the folder that holds the images, or a table of their paths.",
    )


def _read_numbers(path: Path, number: str, options: "ReadOptions") -> Dataset:
    """A table with columns of numbers, which nothing else has."""
    where = option("number", number)
    if options.multilabel is not None:
        raise DataError("images have labels or numbers", where=where, remedy="leave one of them out.")
    if path.suffix.lower() not in TABLES or path.is_dir():
        remedy = "list the images in a table with a column of numbers (.csv, .tsv, .txt, .parquet)."
        raise DataError(f"{path} has no columns", where=where, remedy=remedy)
    refuse_missing(path)
    return _read_rows(partial(read_number_table, quantities=parse_quantities(number)), path, options)


def _read_bags(path: Path, bag: str, options: "ReadOptions") -> Dataset:
    """A table with a column of bags, or a folder or archive with a folder for each bag."""
    refuse_other_targets(bag, number=options.number, multilabel=options.multilabel)
    refuse_missing(path)
    if path.suffix.lower() in TABLES and not path.is_dir():
        return _read_rows(partial(read_table, bag=bag), path, options)
    folders = (path.is_dir() or is_packed(path)) and not is_hugging_face(path)
    refuse_form_of_bags(bag, path, folders=folders)
    plain = replace(options, bag=None)
    data = _read_folder(path, plain) if path.is_dir() else _read_packed(path, plain)
    return bag_dataset(in_folders(data, path, to_predict=options.any_layout))


def _read_folder(path: Path, options: "ReadOptions", *, unpacked: bool = False) -> Dataset:
    labels = label_format(options.multilabel, options.unlisted)
    refuse_form(labels, path, ("folders",))
    if options.any_layout:
        return read_any_folder(path)
    data = read_folder(path, unlabelled=options.unlabelled, classes=options.classes, unpacked=unpacked)
    return data if labels is None else merge_copies(data, labels.default)


def _read_packed(path: Path, options: "ReadOptions") -> Dataset:
    """The data set in an archive of files. Errors name the archive, not the temporary folder."""
    archive = unpack(path)
    try:
        data = _read_folder(archive.root, options, unpacked=True)
    except DataError as error:
        where, remedy = (str(text).replace(str(archive.root), str(path)) for text in (error.where, error.remedy))
        raise DataError(error.what, where=where, remedy=remedy) from error
    return replace(data, left_out=(*archive.left_out, *data.left_out))


def _read_rows(read: Callable[..., Dataset], path: Path, options: "ReadOptions") -> Dataset:
    return read(
        path,
        columns=options.columns,
        classes=options.classes,
        allow_outside=options.allow_outside,
        on_error=options.on_error,
    )
