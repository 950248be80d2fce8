"""`handful annotate`: the annotation page for masks and labels, and import and export of annotations."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from handful.cli import _options as o
from handful.core.sockets import LOCAL

RECIPE = "cvs-lite0"


def annotate(
    data: o.Data,
    folder: Annotated[
        Path | None,
        Option(
            metavar="FOLDER",
            show_default=False,
            help="Folder of the annotations; default: next to DATA, e.g. photos-annotations.",
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
        bool, Option("--outlines", help="Export polygons instead of run-length or brush masks.")
    ] = False,
    out: Annotated[
        Path | None,
        Option("--out", "-o", metavar="PATH", show_default=False, help="Output file or folder of the export."),
    ] = None,
    recipe: Annotated[str, Option("--recipe", "-r", metavar="NAME", help="Recipe that the page trains.")] = RECIPE,
    sam: Annotated[
        str | None,
        Option(
            metavar="MODEL",
            show_default=False,
            help="SAM-type model (folder or hub name) for interactive segmentation.",
        ),
    ] = None,
    draws: Annotated[int, Option(metavar="N", min=2, help="Number of repeats of the cross-validation for scores.")] = 2,
    folds: Annotated[int, Option(metavar="K", min=2, help="Number of cross-validation folds for scores.")] = 3,
    seed: o.Seed = 0,
    set_: o.Sets = None,
    host: Annotated[str, Option(metavar="NAME", help="Address to listen on; 0.0.0.0: all networks.")] = "127.0.0.1",
    port: Annotated[int, Option(metavar="N", min=0, max=65535, help="Port; 0: any free port.")] = 0,
    browser: Annotated[bool, Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Annotate images in the browser.

    Each stroke is saved immediately, as a PNG that --masks reads. Ctrl-C stops the server.
    """
    from handful.annotation.files.project import open_project
    from handful.annotation.files.store import AnnotationStore
    from handful.annotation.server.session import Session, Settings
    from handful.annotation.summary import summary
    from handful.cli._data import column_names
    from handful.cli._errors import print_message
    from handful.cli._output import print_json, print_lines, print_text, print_to_stderr
    from handful.errors import DataError, HandfulError

    columns = column_names(column)
    if export is None and (out is not None or outlines):
        option = "--out" if out is not None else "--outlines"
        raise DataError("this option needs --export", where=option, remedy="add e.g. --export coco, or leave it out.")
    if export is not None and import_ is not None:
        raise DataError("--import and --export exclude each other", where="--import", remedy="run the command twice.")
    if export is not None and out is None:
        raise DataError("no output given", where="--export", remedy="name a file or folder with --out.")
    with print_to_stderr():
        project = open_project(data, folder=folder, columns=columns)
        if import_ is not None or export is not None:
            from handful.annotation.import_export import export_annotations, import_masks

            if import_ is not None:
                done = import_masks(project, import_, overwrite=overwrite)
            else:
                assert export is not None
                assert out is not None
                done = export_annotations(project, export, out, outlines=outlines, overwrite=overwrite)
        else:
            done = None
    if done is not None:
        print_json(done.values) if json else print_text(done.text)
        return
    with print_to_stderr():
        try:
            from handful.annotation.server.run import serve
        except ImportError as error:
            raise HandfulError(
                f"the annotation page needs {error.name}, which is not installed",
                where="annotate",
                remedy="pip install 'handful[annotate]'.",
            ) from error
        if recipe != RECIPE or set_ or device != "auto":  # the defaults need no check, which takes seconds
            from handful.models.device import select_device
            from handful.recipes.load import load_recipe

            load_recipe(recipe, overrides=set_ or ())
            select_device(device)
        settings = Settings(recipe, tuple(set_ or ()), draws=draws, folds=folds, seed=seed, device=device, sam=sam)

    def ready(address: str) -> None:
        if json:
            print_json({"address": address, "folder": project.folder, "images": len(project.data)})
        else:
            print_text(
                f"{len(project.data)} images; annotations are saved in {project.folder}.\nCtrl-C stops the server. Open"
            )
            print_lines(address)
        sys.stdout.flush()  # a process that reads this through a pipe waits for the address
        if host not in LOCAL:
            what = (
                "anyone who reaches this machine and has the address can see the images and draw; nothing is encrypted."
            )
            print_message("Note", what, style="yellow")

    with AnnotationStore(project.folder, project.data.ids) as store:
        session = Session(project, store, source=data, settings=settings, columns=columns)
        try:
            serve(session, host=host, port=port, ready=ready, browser=browser)
        finally:
            session.close()
        result = summary(project, store.record)
    if not json:
        print_text(result.text)
