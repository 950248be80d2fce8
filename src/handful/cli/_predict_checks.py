"""Options of `handful predict` that exclude each other, and what each needs."""

from pathlib import Path

from handful.cli._bags import refuse_chunks_of_bags


def refuse_top(top: int | None, *, printed: bool) -> None:
    """Refuse `--top` where a table is written.

    Raises:
        OutputError: it was given.
    """
    from handful.errors import OutputError

    if top is not None and not printed:
        raise OutputError(
            "this option is for printed predictions", where="--top", remedy="leave it out: a table has all classes."
        )


def check_groups(found: object) -> None:
    """Refuse images without groups before the model is loaded.

    Raises:
        DataError: an image has no group, or the images are those of an archive.
    """
    from handful.core.dataset import Dataset
    from handful.core.groups import refuse_without_groups

    if not isinstance(found, Dataset):
        _refuse_groups()
    else:
        refuse_without_groups(found)


def _refuse_groups() -> None:
    from handful.errors import DataError

    raise DataError(
        "the groups of an archive are not read",
        where="--per-group",
        remedy="unpack it, give a table with a column group, and name a .csv or .parquet file as --out.",
    )


def refuse_for_chunks(*, maps: Path | None, strict: bool, per_group: bool, bag: str | None, data: list[str]) -> None:
    """Refuse what a run over an archive, which writes Parquet chunks, does not do.

    Raises:
        OutputError, DataError: an option that needs a table, or several sources.
    """
    from handful.errors import OutputError

    refuse_maps(maps)
    refuse_chunks_of_bags(bag)
    if per_group:
        _refuse_groups()
    if strict:
        raise OutputError("a run over an archive records what cannot be read", where="--strict", remedy="leave it out.")
    if len(data) > 1:
        raise OutputError(
            "Parquet chunks are written for one folder, table or pattern",
            where=data[1],
            remedy="name the folder that holds these files, or quote the pattern; or name a .csv file as --out.",
        )


def refuse_maps(maps: Path | None) -> None:
    """Refuse pictures of maps where an archive is predicted.

    Raises:
        OutputError: they were asked for.
    """
    from handful.errors import OutputError

    if maps is not None:
        raise OutputError(
            "pictures of maps need a table as output, and image files",
            where="--maps",
            remedy="name a .csv or .parquet file as --out; handful propagate writes the masks of an archive.",
        )
