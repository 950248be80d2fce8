"""Check of the path of an inspection's page, without what writes it: PyTorch is not needed to refuse a path."""

from pathlib import Path

from handful.core.files import refuse_existing
from handful.errors import OutputError


def check_page_path(path: Path, *, overwrite: bool) -> None:
    """Refuse a path that `write_inspection` cannot write, before the data is inspected.

    Raises:
        OutputError: the suffix is not .html, or the file exists and `overwrite` is false.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise OutputError("not an .html file", where=path, remedy="end the name in .html.")
    refuse_existing(path, overwrite=overwrite)
