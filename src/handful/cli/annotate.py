"""`handful annotate`: the annotation page for masks and labels, and import and export of annotations."""

import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from handful.cli import _options as o
from handful.cli._names import check_recipes
from handful.core.sockets import LOCAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handful.annotation.files.project import Project
    from handful.annotation.server.session import Session

RECIPE = "cvs"


def annotate(
    data: Annotated[
        str,
        Argument(
            metavar="DATA", show_default=False, help="Image folder, or table (.csv, .tsv, .parquet) of image files."
        ),
    ],
    folder: Annotated[
        Path | None,
        Option(
            metavar="FOLDER",
            show_default=False,
            help="Folder to save the annotations in; default: next to DATA, e.g. photos-annotations.",
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            show_default=False,
            help="Class names, one per line: the first images to be labelled are then chosen by these names, balanced "
            "over the classes, where the names say something of the images.",
        ),
    ] = None,
    import_: Annotated[
        Path | None,
        Option(
            "--import",
            metavar="PATH",
            show_default=False,
            help="Import masks from a folder, or a COCO, labelme or Label Studio file, and exit.",
        ),
    ] = None,
    export: Annotated[
        Literal["png", "coco", "labelme", "label-studio", "table"] | None,
        Option(show_default=False, help="Export the annotations to --out in this format, and exit."),
    ] = None,
    outlines: Annotated[
        bool, Option("--outlines", help="Export polygons instead of run-length encoded masks.")
    ] = False,
    out: Annotated[
        Path | None,
        Option("--out", "-o", metavar="PATH", show_default=False, help="Output file or folder of the export."),
    ] = None,
    recipe: Annotated[
        str, Option("--recipe", "-r", metavar="NAME", callback=check_recipes, help="Recipe to train from the page.")
    ] = RECIPE,
    backbone: o.Backbone = None,
    sam: Annotated[
        str | None,
        Option(
            metavar="MODEL",
            show_default=False,
            help="SAM-type model (folder or hub name) for interactive segmentation.",
        ),
    ] = None,
    draws: Annotated[
        int, Option(metavar="N", min=2, help="Number of repetitions of the cross-validation that scores the model.")
    ] = 2,
    folds: Annotated[int, Option(metavar="K", min=2, help="Number of folds of that cross-validation.")] = 3,
    seed: o.Seed = 0,
    set_: o.Sets = None,
    host: Annotated[
        str, Option(metavar="NAME", help="Address to listen on; 0.0.0.0 for all network interfaces.")
    ] = "127.0.0.1",
    port: Annotated[int, Option(metavar="N", min=0, max=65535, help="Port to listen on; 0 selects a free one.")] = 0,
    browser: Annotated[bool, Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    column: o.Columns = None,
    multilabel: Annotated[
        str | None,
        Option(
            metavar="FORM",
            show_default=False,
            help="An image may show several classes. How DATA says so: folders for an image folder, with or without "
            "class folders; the separator of names in a table's column label, such as '|'; or columns of 1 and 0.",
        ),
    ] = None,
    unlisted: Annotated[
        Literal["absent", "unknown"] | None,
        Option(
            show_default=False,
            help="What a class is that --multilabel does not name; default: unknown in folders and columns, absent in "
            "lists.",
        ),
    ] = None,
    json: o.Json = False,
) -> None:
    """Annotate images in the browser.

    Opens a web page for drawing segmentation masks and assigning labels. Every stroke is saved immediately, as a PNG
    file that other commands read with --masks. Press Ctrl-C to stop the server.
    """
    from handful.annotation.files.project import open_project
    from handful.annotation.files.store import AnnotationStore
    from handful.annotation.import_export import export_annotations, import_masks
    from handful.annotation.server.multilabel_session import MultilabelSession, refuse_column_names
    from handful.annotation.server.session import Session, Settings
    from handful.annotation.summary import summary
    from handful.cli._data import column_names
    from handful.cli._output import print_json, print_text, print_to_stderr
    from handful.data.class_names import read_names
    from handful.recipes.backbone_names import on_backbone

    columns = column_names(column)
    _check_exchange(import_, export, out, outlines=outlines)
    names = () if classes is None else read_names(classes)
    if multilabel is not None:
        refuse_column_names(names, where=classes)
    with print_to_stderr():
        _check_multilabel(multilabel, import_, recipe, sam)
        project = open_project(data, folder=folder, columns=columns, multilabel=multilabel, unlisted=unlisted)
        result = None
        if import_ is not None:
            result = import_masks(project, import_, overwrite=overwrite)
        elif export is not None and out is not None:
            result = export_annotations(project, export, out, outlines=outlines, overwrite=overwrite)
    if result is not None:
        print_json(result.values) if json else print_text(result.text)
        return
    with print_to_stderr():
        _refuse_without_server()
        from handful.annotation.server.run import serve

        name = on_backbone(recipe, backbone)
        _check_training(name, set_, device)
        settings = Settings(
            name, tuple(set_ or ()), draws=draws, folds=folds, seed=seed, device=device, sam=sam, backbone=backbone
        )
    ready = partial(_print_address, project=project, host=host, json=json)
    with AnnotationStore(project.folder, project.data.ids) as store:
        session = (Session if multilabel is None else MultilabelSession)(
            project, store, source=data, settings=settings, columns=columns, multilabel=multilabel, unlisted=unlisted
        )
        try:
            _list_classes(session, names, where=classes)
            serve(session, host=host, port=port, ready=ready, browser=browser)
        finally:
            session.close()
        totals = summary(project, store.record)
    if not json:
        print_text(totals.text)


def _list_classes(session: "Session", names: tuple[str, ...], *, where: Path | None) -> None:
    """Add the classes of a file. Errors name it.

    Raises:
        DataError: a name cannot be a class.
    """
    from handful.errors import DataError

    try:
        session.order.list_classes(names)
    except DataError as error:
        raise DataError(error.what, where=where, remedy=error.remedy) from error


def _check_exchange(import_: Path | None, export: str | None, out: Path | None, *, outlines: bool) -> None:
    """Refuse options of import and export that do not go together.

    Raises:
        DataError: --import with --export, --export without --out, or options of the export without --export.
    """
    from handful.errors import DataError

    if export is None and (out is not None or outlines):
        option = "--out" if out is not None else "--outlines"
        raise DataError("this option needs --export", where=option, remedy="add e.g. --export coco, or leave it out.")
    if export is not None and import_ is not None:
        raise DataError("--import and --export exclude each other", where="--import", remedy="run the command twice.")
    if export is not None and out is None:
        raise DataError("no output given", where="--export", remedy="name a file or folder with --out.")


def _check_multilabel(multilabel: str | None, import_: Path | None, recipe: str, sam: str | None) -> None:
    """Refuse options about masks where images have several labels.

    Raises:
        DataError: one of them was given.
    """
    from handful.errors import DataError

    given = {"--import": import_ is not None, "--recipe": recipe != RECIPE, "--sam": sam is not None}
    for name, is_given in given.items():
        if multilabel is not None and is_given:
            raise DataError(
                "this option is about masks, which images with several labels do not have here",
                where=name,
                remedy="leave it out, or annotate masks first, without --multilabel.",
            )


def _refuse_without_server() -> None:
    from handful.errors import HandfulError

    try:
        import_module("handful.annotation.server.run")
    except ImportError as error:
        raise HandfulError(
            f"the annotation page needs {error.name}, which is not installed",
            where="annotate",
            remedy="pip install 'handful[annotate]'.",
        ) from error


def _check_training(recipe: str, overrides: "Sequence[str] | None", device: str) -> None:
    """Check what the page will train with; the defaults need no check, which takes seconds."""
    if recipe == RECIPE and not overrides and device == "auto":
        return
    from handful.models.device import select_device
    from handful.recipes.backbones import check_weights
    from handful.recipes.load import load_recipe

    check_weights(load_recipe(recipe, overrides=overrides or ()).backbone)
    select_device(device)


def _print_address(address: str, *, project: "Project", host: str, json: bool) -> None:
    from handful.cli._errors import print_message
    from handful.cli._output import print_json, print_lines, print_text

    if json:
        print_json({"address": address, "folder": project.folder, "images": len(project.data)})
    else:
        print_text(f"{len(project.data)} images; annotations are saved in {project.folder}.")
        print_text("Press Ctrl-C to stop the server. Open")
        print_lines(address)
    sys.stdout.flush()  # a process that reads this through a pipe waits for the address
    if host not in LOCAL:
        warning = (
            "anyone who has the address and can reach this machine can view and annotate the images; connections are "
            "not encrypted."
        )
        print_message("Note", warning, style="yellow")
