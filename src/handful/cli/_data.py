"""Read data sets and numbers from the options of a command."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handful.cli._data_options import SourceOptions
from handful.errors import DataError, ProtocolError

if TYPE_CHECKING:
    from handful.core.dataset import Dataset
    from handful.deployment.batch.archive import Archive


def read(
    source: str,
    options: SourceOptions,
    *,
    unlabelled: bool = False,
    any_layout: bool = False,
    find_range: bool = True,
    on_error: Callable[[str, DataError], None] | None = None,
    report: bool = True,
) -> "Dataset":
    """Read the data set at `source`, with its masks.

    Args:
        source: a path or a name.
        options: the options of the command that say how it is read.
        unlabelled: accept images in no class folder.
        any_layout: accept a folder of any layout, for commands that do not learn from its labels.
        find_range: find the range of images of more than 8 bits per channel; False: a model knows it.
        on_error: called with the id and the error of a row of a table that cannot be used; None: it is raised.
        report: warn of files that are not used.

    Raises:
        DataError: as `handful.data.load.read_dataset`; or a --column that is not ROLE=NAME, or a --window that is not
            LOW,HIGH.
    """
    from handful.data.left_out import warn_left_out
    from handful.data.load import ReadOptions, read_dataset
    from handful.data.pixel_range import parse_window

    values: dict[str, Any] = {field.name: getattr(options, field.name) for field in fields(options)}
    values["columns"] = column_names(options.columns)
    if values.get("window") is not None:
        values["window"] = parse_window(values["window"])
    how = ReadOptions(**values, unlabelled=unlabelled, any_layout=any_layout, find_range=find_range, on_error=on_error)
    data = read_dataset(source, how)
    if report:
        warn_left_out(data)
    return data


def read_to_predict(
    sources: Sequence[str],
    options: SourceOptions,
    *,
    on_error: Callable[[str, DataError], None] | None = None,
) -> "Dataset | Archive":
    """The images to predict: a data set, or an archive where they are stored inside of other files.

    Args:
        sources: what `read` takes, image files, shards, or patterns of either; several of them are images or shards.
        options: as for `read`.
        on_error: as for `read`.

    Raises:
        DataError: something is not there, or is none of these.
    """
    from handful.data.left_out import warn_left_out
    from handful.data.readers.image_files import read_image_files
    from handful.data.sources import is_pattern
    from handful.deployment.batch.archive import find_archive, is_shard

    names = column_names(options.columns)
    if options.bag is not None:
        if len(sources) > 1 or is_pattern(sources[0]):
            raise DataError(
                "bags are read from one table or folder", where="--bag", remedy="name it as the only source."
            )
        return read(sources[0], options, any_layout=True, find_range=False, on_error=on_error)
    if all(is_shard(source, names) for source in sources):
        return find_archive(*sources, columns=names)
    if len(sources) == 1 and not is_pattern(sources[0]) and not _is_image(sources[0]):
        try:
            return read(sources[0], options, any_layout=True, find_range=False, on_error=on_error)
        except DataError:
            archive = find_archive(*sources, columns=names) if Path(sources[0]).is_dir() else None
            if archive is None or not archive.packed:
                raise
            return archive
    for source in sources:
        if Path(source).is_file() and Path(source).suffix.lower() in (
            ".csv",
            ".tsv",
            ".txt",
            ".parquet",
            ".npz",
            ".tar",
        ):
            raise DataError("only images and folders can be combined", where=source, remedy="predict it by itself.")
    data = read_image_files(sources)
    warn_left_out(data)
    return data


def _is_image(source: str) -> bool:
    """Whether this is an image file, by its name or content."""
    from handful.data.formats import identify

    return Path(source).is_file() and identify(Path(source)) is not None


def column_names(columns: Sequence[str] | None) -> dict[str, str] | None:
    """Parse the values of --column: the names of a table's columns by role; None without any.

    Raises:
        DataError: a value is not ROLE=NAME.
    """
    names: dict[str, str] = {}
    for text in columns or ():
        role, equals, name = text.partition("=")
        if not (role and equals and name):
            raise DataError(f"{text!r} is not ROLE=NAME", where="--column", remedy="write e.g. path=file.")
        names[role] = name
    return names or None


def images_per_class(text: str) -> tuple[int, ...]:
    """Parse the value of --per-class: numbers in ascending order.

    Raises:
        ProtocolError: it is not a list of numbers above 0.
    """
    try:
        numbers = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        numbers = ()
    if not numbers or numbers[0] < 1:
        raise ProtocolError(f"{text!r} is not a list of numbers", where="--per-class", remedy="write e.g. 1,5,10.")
    return numbers
