"""`handful predict`: classes, probabilities and segmentation maps of images."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Exit, Option

from handful.cli import _options as o
from handful.cli._bags import check_bags, image_writer, refuse_groups_of_bags
from handful.cli._batch import UNREADABLE, BatchOptions, ChunkSize, Workers, refuse_chunk_options, write_chunks
from handful.cli._data_options import SourceOptions
from handful.cli._output import print_json, print_table, print_text, print_to_stderr
from handful.cli._predict_checks import check_groups, refuse_for_chunks, refuse_maps, refuse_top

if TYPE_CHECKING:
    from handful.core.prediction import Predictor
    from handful.deployment.batch.jobs import BatchJob
    from handful.deployment.predict_table import PredictedChunk, TableSummary

MODEL = "Folder from `handful run` or `handful fit`, or .onnx file from `handful export`."
DATA = (
    "Images, folders, patterns (photos/*.jpg); or one table (.csv, .tsv), archive (.zip, .tar, .parquet, .npz), "
    "Hugging Face folder, torchvision:NAME or embedded data set."
)
SCREEN = "-"  # as --out: standard output
MOST_COMPARED = 10_000  # images that are compared with those that the model was trained on


def predict(
    model: Annotated[Path, Argument(metavar="MODEL", show_default=False, help=MODEL)],
    data: Annotated[list[str], Argument(metavar="DATA", show_default=False, help=DATA)],
    out: Annotated[
        Path | None,
        Option(
            "--out",
            "-o",
            metavar="PATH",
            show_default=False,
            help="Table to write, .csv or .parquet; or a folder for Parquet chunks, which can be resumed; -: CSV on "
            "standard output (with --json: JSON lines); default: print the predictions.",
        ),
    ] = None,
    top: Annotated[
        int | None,
        Option(
            metavar="K",
            min=1,
            show_default=False,
            help="Number of most probable classes to print for each image; default: 1.",
        ),
    ] = None,
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
            help="Further classes: a text file with names, one per line, to predict zero-shot; or a tree of the "
            "classes (.yaml), whose groups are predicted where their classes are in doubt.",
        ),
    ] = None,
    coverage: Annotated[
        float | None,
        Option(metavar="SHARE", show_default=False, help="Coverage of the prediction sets; default: as trained."),
    ] = None,
    per_group: Annotated[
        bool,
        Option(
            "--per-group",
            help="Average the probabilities of the images of a group (column group), such as views of one object.",
        ),
    ] = False,
    strict: Annotated[
        bool, Option("--strict", help="Stop at an image that cannot be read, instead of recording it.")
    ] = False,
    chunk_size: ChunkSize = None,
    ray: o.Ray = None,
    workers: Workers = None,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: SourceOptions,
) -> None:
    """Predict the classes of images.

    Prints the class of each image of DATA and its probability, how often the model is right, and which images are
    doubtful. --out writes a table with all probabilities instead.
    Models that were trained with --coverage or --reject add the prediction set, or whether the image is rejected.
    With --bag, bags are predicted; --out FILE.csv then writes their images to FILE-images.csv beside it.

    An image that cannot be read is recorded and skipped (exit code 3). With a folder as --out, DATA may be an archive
    of any size, such as tar shards (in the layout of webdataset) or Parquet files with the images in them, and after
    any interruption the same command continues where it stopped.
    """
    from handful.cli._model_argument import check_model_argument
    from handful.cli._model_quality import describe_quality
    from handful.cli._prediction_summary import PredictionSummary
    from handful.cli._predictions import images_of, print_images, print_rows
    from handful.deployment.predict_table import check_outputs, write_table

    printed = out is None or str(out) == SCREEN
    refuse_top(top, printed=printed and (out is None or json))
    options = BatchOptions(chunk_size, ray, workers, overwrite, data_options)
    if out is not None and out.suffix:
        check_outputs(out, maps, overwrite=overwrite)
    check_model_argument(model, data)
    from handful.deployment.batch.jobs import BatchJob

    job = BatchJob("predict", model.resolve(), tta, classes, coverage, device)
    if out is not None and not printed and not out.suffix:
        refuse_for_chunks(maps=maps, strict=strict, per_group=per_group, bag=data_options.bag, data=data)
        _predict_to_chunks(job, data[0], out, options, json=json)
        return
    path = None if printed else out
    refuse_chunk_options(options, remedy="name a folder as --out.")
    with _predicted(job, data, options, path=path, maps=maps, strict=strict, per_group=per_group) as (
        predictor,
        chunks,
        learned,
    ):
        unit = "groups" if per_group else "images"
        seen = PredictionSummary(predictor.classes, unit=unit)
        seen.learned = learned
        if path is not None:
            summary = write_table(path, seen.observe(chunks), predictor.classes)
            failed, show = summary.failed, partial(_print_summary, summary, path, maps, unit, json=json)
        elif out is not None:
            failed, show = print_rows(seen.observe(chunks), top=top, json=json), None
        else:
            row = "group" if per_group else "bag" if data_options.bag else "image"
            images = images_of(seen.observe(chunks), top=top or 1)
            failed, show = sum("error" in image for image in images), partial(print_images, images, json=json, unit=row)
    if show is not None and json:
        show()
    elif show is not None:
        card = getattr(predictor, "card", {})
        print_text(describe_quality(card))
        show()
        for sentence in seen.sentences(card):
            print_text(sentence)
    if failed:
        raise Exit(UNREADABLE)


@contextmanager
def _predicted(
    job: "BatchJob",
    data: list[str],
    options: BatchOptions,
    *,
    path: Path | None,
    maps: Path | None,
    strict: bool,
    per_group: bool,
) -> "Iterator[tuple[Predictor, Iterator[PredictedChunk], int]]":
    """The model, the rows of all images with a progress bar, and how many of the images the model was trained on.

    A wrong path is refused before the model is loaded.
    """
    from handful.cli._data import read_to_predict
    from handful.core.dataset import Dataset
    from handful.core.files import lock_output
    from handful.core.progress import Activity, Progress
    from handful.deployment.batch.to_table import predict_archive
    from handful.deployment.group_predictions import predict_groups
    from handful.deployment.predict_table import check_outputs, predict_chunks
    from handful.deployment.segmentation_maps import draw_maps

    with ExitStack() as stack:
        with print_to_stderr():
            for output in (path, maps):
                if output is not None:
                    stack.enter_context(lock_output(output))
            check_outputs(path, maps, overwrite=options.overwrite)
            unusable: dict[str, str] = {}
            on_error = None if strict else lambda name, error: unusable.update({name: error.what})
            with Activity("Reading the data", shown=True, announce=True):
                found = read_to_predict(data, options.source, on_error=on_error)
            if per_group:
                refuse_groups_of_bags(options.source.bag)
                check_groups(found)
            with Activity("Loading the model", shown=True, announce=True):
                from handful.saving.learned_images import count_learned_from
                from handful.saving.predictor import load_predictor

                classifier = load_predictor(job.model, tta=job.tta, classes=job.classes, device=job.device)
                in_bags = check_bags(classifier, options.source.bag)
                learned = 0
                if isinstance(found, Dataset) and len(found) <= MOST_COMPARED:
                    learned = count_learned_from(getattr(classifier, "card", {}), found)
        total = len(found) if isinstance(found, Dataset) else None
        bar = stack.enter_context(Progress(total, "predicting", shown=True, loss=False))
        advance = partial(bar.advance, 0.0)
        if isinstance(found, Dataset):
            draw = None if maps is None else stack.enter_context(draw_maps(maps, classifier))
            chunks = predict_chunks(
                classifier, found, coverage=job.coverage, strict=strict, draw=draw, advance=advance, unusable=unusable
            )
            chunks = predict_groups(chunks, found, classifier.classes) if per_group else chunks
            if in_bags is not None:
                from handful.deployment.bag_predictions import predict_bags

                writer = image_writer(stack, path, overwrite=options.overwrite)
                chunks = predict_bags(chunks, found, in_bags, write_images=writer)
        else:
            refuse_maps(maps)
            chunks = predict_archive(job, found, strict=strict, start=bar.go_on, advance=advance)
        yield classifier, chunks, learned


def _predict_to_chunks(job: "BatchJob", data: str, out: Path, options: BatchOptions, *, json: bool) -> None:
    """Predict into Parquet chunks, then say how often the model is right and which images are doubtful."""
    from handful.cli._model_quality import describe_quality
    from handful.cli._prediction_summary import PredictionSummary
    from handful.deployment.batch.to_table import read_predictions
    from handful.saving.model_card import read_card
    from handful.saving.predictor import is_exported

    failed = write_chunks(job, data, out, options, json=json)
    if not json:
        stored = None if is_exported(job.model) else read_card(job.model)
        card = {} if stored is None else stored[0]
        seen = PredictionSummary(tuple(card.get("images_per_class", ())))
        for _ in seen.observe(read_predictions(out, probabilities=False)):
            pass
        if not seen.numbers:
            print_table(("class", "images"), [(name, f"{n:,}") for name, n in sorted(seen.counts.items())])
        for sentence in (describe_quality(card), *seen.sentences(card)):
            print_text(sentence)
    if failed:
        raise Exit(UNREADABLE)


def _print_summary(summary: "TableSummary", path: Path, maps: Path | None, unit: str, *, json: bool) -> None:
    if json:
        failed = {"failed": summary.failed} if summary.failed else {}
        print_json({"out": str(path), "maps": maps, "rows": summary.rows, "predictions": summary.counts, **failed})
        return
    if summary.counts:
        print_table(("class", unit), [(name, str(n)) for name, n in summary.counts.items()])
    text = f"{summary.rows} rows in {path}" + ("" if maps is None else f", maps in {maps}")
    if summary.failed:
        text += f". {summary.failed} could not be read: the column error says why."
    print_text(text)
