"""`handful predict`: classes, probabilities and segmentation maps of images."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from handful.cli import _options as o
from handful.cli._batch import BatchOptions, ChunkSize, Workers, refuse_chunk_options, run_batch_job

MODEL = "Model folder (from `handful fit`) or .onnx file (from `handful export`)."


def predict(
    model: Annotated[Path, Argument(metavar="MODEL", show_default=False, help=MODEL)],
    data: o.Data,
    out: Annotated[
        Path,
        Option(
            "--out",
            "-o",
            metavar="PATH",
            show_default=False,
            help="Table to write, .csv or .parquet; or a folder for Parquet chunks, which can be resumed.",
        ),
    ],
    maps: Annotated[
        Path | None,
        Option(
            metavar="FOLDER",
            show_default=False,
            help="Output folder for the predicted segmentation of each image, as an overlay.",
        ),
    ] = None,
    tta: Annotated[
        Literal["flip", "five_crop", "ten_crop"] | None,
        Option(
            show_default=False,
            help="Test-time augmentation: average over flips, crops or both (2, 5 or 10 times slower).",
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            show_default=False,
            help="Text file with names of further classes, one per line, to predict zero-shot.",
        ),
    ] = None,
    coverage: Annotated[
        float | None,
        Option(metavar="SHARE", show_default=False, help="Coverage of the prediction sets; default: as trained."),
    ] = None,
    chunk_size: ChunkSize = None,
    ray: o.Ray = None,
    workers: Workers = None,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    allow_outside: o.Outside = False,
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Predict the classes of images.

    Writes a table with a row for each image of DATA: its class and all probabilities. Models that were trained with
    --coverage or --reject add the prediction set, or whether the image is rejected.

    With a folder as --out, DATA may be an archive of any size, including tar shards (in the layout of webdataset) and
    Parquet files with the images in them. An image that cannot be read is recorded and skipped (exit code 3), and after
    any interruption the same command continues where it stopped.
    """
    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, print_to_stderr
    from handful.core.progress import Progress
    from handful.deployment.predict_table import check_outputs, predict_table
    from handful.saving.predictor import load_predictor

    options = BatchOptions(chunk_size, ray, workers, overwrite, column, allow_outside)
    if not out.suffix:
        from handful.deployment.batch.jobs import BatchJob

        _refuse_maps(maps)
        job = BatchJob("predict", model.resolve(), tta, classes, coverage, device)
        run_batch_job(job, data, out, options, json=json)
        return
    with print_to_stderr():
        refuse_chunk_options(options, remedy="name a folder as --out.")
        check_outputs(out, maps, overwrite=overwrite)
        classifier = load_predictor(model, tta=tta, classes=classes, device=device)
        samples = read(data, columns=column, allow_outside=allow_outside, any_layout=True, find_range=False)
        with Progress(len(samples), "predict", shown=True, loss=False) as bar:
            advance = partial(bar.advance, 0.0)
            counts = predict_table(
                classifier, samples, out, maps=maps, coverage=coverage, overwrite=overwrite, advance=advance
            )
    if json:
        print_json({"out": str(out), "maps": maps, "rows": len(samples), "predictions": counts})
        return
    print_table(("class", "images"), [(name, str(n)) for name, n in counts.items()])
    print_text(f"{len(samples)} rows in {out}" + ("" if maps is None else f", maps in {maps}"))


def _refuse_maps(maps: Path | None) -> None:
    from handful.errors import OutputError

    if maps is not None:
        raise OutputError(
            "pictures of maps need a table as output",
            where="--maps",
            remedy="name a .csv or .parquet file as --out; handful propagate writes the masks of an archive.",
        )
