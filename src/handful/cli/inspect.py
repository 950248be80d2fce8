"""`handful inspect`: problems in a data set, and how precise a score on it can be."""

from pathlib import Path
from typing import Annotated

from typer import Option

from handful.cli import _options as o


def inspect(
    data: o.Data,
    masks: o.Masks = None,
    page: Annotated[
        Path | None,
        Option("--page", "-p", metavar="FILE", show_default=False, help="Report to write, with pictures, .html."),
    ] = None,
    fix: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            show_default=False,
            help="Cleaned table to write, .csv: without duplicates and unreadable files, with inferred groups.",
        ),
    ] = None,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    allow_outside: o.Outside = False,
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Find problems in a data set.

    Finds duplicates, label errors, group leaks, shortcuts, poor images and poor masks, with a remedy for each, and
    estimates how precise a score on the data can be. No file is changed.
    """
    from rich.console import Console
    from rich.progress import Progress

    from handful.cli._data import read
    from handful.cli._output import print_indented, print_json, print_lines, print_table, print_text, working
    from handful.core.files import refuse_existing
    from handful.errors import OutputError
    from handful.inspection.cleaned_table import check_table_path, write_cleaned_table
    from handful.inspection.inspection import inspect as look_into
    from handful.inspection.page import write_inspection
    from handful.inspection.summary import as_values, class_rows, count_findings, describe_limits, overview
    from handful.models.device import select_device

    with working():
        if page is not None:
            if page.suffix.lower() not in (".html", ".htm"):
                raise OutputError("not an .html file", where=page, remedy="end the name in .html.")
            refuse_existing(page, overwrite=overwrite)
        if fix is not None:
            check_table_path(fix)
        place = select_device(device)
        samples = read(data, masks=masks, columns=column, allow_outside=allow_outside, unlabelled=True)
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("inspect", total=len(samples))
            found = look_into(samples, device=place, advance=lambda: bar.advance(task))
        if page is not None:
            write_inspection(found, page, name="/".join(Path(data).parts[-2:]), overwrite=overwrite)
        fixed = None if fix is None else write_cleaned_table(found.measurements, fix)
    if json:
        print_json({**as_values(found), "page": page, "fix": None if fixed is None else {"table": fix, **vars(fixed)}})
        return
    print_text(overview(found))
    rows = class_rows(found)
    if len(rows) <= 20:
        heads = ["class", "train", "val", "test", "foreground"]
        cells = [
            (
                r.name,
                str(r.train),
                str(r.val),
                str(r.test),
                "" if r.foreground != r.foreground else f"{r.foreground:.1%}",
            )
            for r in rows
        ]
        kept = [i for i in range(5) if i < 2 or any(c[i] not in ("", "0") for c in cells)]
        print_lines("")
        print_table(tuple(heads[i] for i in kept), [tuple(c[i] for i in kept) for c in cells])
    for finding in found.findings:
        print_lines(f"\n{finding.severity.upper()}  {finding.kind}")
        print_indented(f"{finding.message}.")
        print_indented(f"Do: {finding.remedy}.")
    print_lines("")
    print_text(count_findings(found))
    for sentence in describe_limits(found):
        print_lines("")
        print_text(sentence)
    if fixed is not None:
        print_lines("")
        print_text(
            f"{fix}: {fixed.rows} images; left out {fixed.unreadable} unreadable, {fixed.copies} copies and "
            f"{fixed.conflicts} copies with several labels; {fixed.groups} groups. It lists no masks: pass them with "
            "--masks as before."
        )
    if page is not None:
        print_lines("")
        print_text(f"The pictures are in {page}.")
