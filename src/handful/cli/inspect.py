"""`handful inspect`: problems in a data set, and how precise a score on it can be."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli._data_options import DataOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handful.core.dataset import Dataset
    from handful.data.finding import Finding
    from handful.inspection.inspection import Inspection

MOST_CLASSES = 20  # rows of the table of classes
MOST_FINDINGS = 5  # the gravest ones; --all prints the others too


def inspect(
    data: o.Data,
    backbone: o.Backbone = None,
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
    all_: Annotated[
        bool, Option("--all", help=f"Print all findings, not only the {MOST_FINDINGS} that matter most.")
    ] = False,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: DataOptions,
) -> None:
    """Find problems in a data set.

    Finds duplicates, label errors, group leaks, shortcuts, poor images and poor masks, with a remedy for each, and
    estimates how precise a score on the data can be. No file is changed.
    """
    from handful.cli._data import read
    from handful.cli._output import print_json, print_to_stderr
    from handful.core.progress import Activity, Progress
    from handful.inspection.cleaned_table import check_table_path, refuse_packed, write_cleaned_table
    from handful.inspection.page_path import check_page_path

    with print_to_stderr():
        if page is not None:
            check_page_path(page, overwrite=overwrite)
        if fix is not None:
            check_table_path(fix)
            refuse_packed(Path(data), fix)
        with Activity("Reading the data", shown=True, announce=True):  # refused before PyTorch is imported
            samples = read(data, data_options, unlabelled=True, report=False)
        if fix is not None:
            _refuse_several_labels(samples)
        with Activity("Loading PyTorch", shown=True, announce=True):
            from handful.inspection.inspection import inspect as inspect_data
            from handful.inspection.page import write_inspection
            from handful.inspection.summary import as_values, doubtful_labels
            from handful.models.device import select_device
            from handful.training.image_features import features_recipe

            resolved_device = select_device(device)
            if backbone is not None:
                features_recipe(backbone)
        with Progress(len(samples), "looking at the images", shown=True, loss=False) as bar:
            inspection = inspect_data(samples, backbone=backbone, device=resolved_device, advance=bar.advance)
        if page is not None:
            with Activity("writing the page", shown=True, announce=True):
                write_inspection(inspection, page, name="/".join(Path(data).parts[-2:]), overwrite=overwrite)
        doubts = {} if fix is None else doubtful_labels(inspection)
        table = None if fix is None else write_cleaned_table(inspection.measurements, fix, doubts=doubts)
    if json:
        fixed = None if table is None else {"table": fix, **vars(table)}
        print_json({**as_values(inspection), "page": page, "fix": fixed})
        return
    _print(inspection, most=len(inspection.findings) if all_ else MOST_FINDINGS, page=page)
    if table is not None:
        _print_paragraph(
            f"{fix}: {table.rows} images; left out {table.unreadable} unreadable, {table.copies} copies and "
            f"{table.conflicts} copies with several labels; {table.groups} groups. Doubtful labels: {len(doubts)}, "
            "in the column doubt. It lists neither masks, which --masks takes as before, nor other columns of yours."
        )
    if page is not None:
        _print_paragraph(f"Report: {page}")


def _refuse_several_labels(data: "Dataset") -> None:
    """Refuse to write a cleaned table of images with several labels.

    Raises:
        OutputError: the data are multilabel.
    """
    from handful.errors import OutputError

    if data.kind == "multilabel":
        raise OutputError(
            "a cleaned table has one label per image, and these images have several each",
            where="--fix",
            remedy="leave it out; --page and --json show the labels that look missed or wrong.",
        )


def _print(inspection: "Inspection", *, most: int, page: Path | None) -> None:
    """Print the overview, the classes, the gravest findings, and how precise a score can be."""
    from handful.cli._output import print_indented, print_lines, print_text
    from handful.inspection.summary import count_findings, describe_limits, overview

    print_text(overview(inspection))
    _print_classes(inspection)
    findings = inspection.findings  # the gravest come first
    for finding in findings[:most]:
        print_lines(f"\n{finding.severity.upper()}  {finding.kind}")
        print_indented(f"{finding.message}.")
        print_indented(f"Do: {finding.remedy}.")
    _print_paragraph(count_findings(findings) + _describe_rest(findings[most:], page))
    for sentence in describe_limits(inspection):
        _print_paragraph(sentence)


def _describe_rest(findings: "Sequence[Finding]", page: Path | None) -> str:
    """How many findings are not printed, of which weight, and where they are."""
    from handful.inspection.summary import count_findings

    if not findings:
        return ""
    where = "--all prints them, and --page FILE writes a page with pictures" if page is None else "the page shows all"
    return f" Not printed: {count_findings(findings).removesuffix('.')}; {where}."


def _print_classes(inspection: "Inspection") -> None:
    """Print a table of the classes, without empty columns, unless there are too many."""
    from handful.cli._output import print_lines, print_table
    from handful.inspection.summary import class_rows

    rows = class_rows(inspection)
    if len(rows) > MOST_CLASSES:
        return
    split = any(r.val or r.test for r in rows)
    columns = ("class", "train" if split else "images", "val", "test", "absent", "unknown", "foreground")
    cells = []
    for r in rows:
        known = (str(getattr(r, "absent", "")), str(getattr(r, "unknown", "")))
        cells.append((r.name, str(r.train), str(r.val), str(r.test), *known, _percent(r.foreground)))
    shown = [i for i in range(len(columns)) if i < 2 or any(row[i] not in ("", "0") for row in cells)]
    print_lines("")
    print_table(tuple(columns[i] for i in shown), [tuple(row[i] for i in shown) for row in cells])


def _percent(share: float) -> str:
    return "" if share != share else f"{share:.1%}"


def _print_paragraph(text: str) -> None:
    from handful.cli._output import print_lines, print_text

    print_lines("")
    print_text(text)
