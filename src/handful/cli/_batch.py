"""Commands over an archive: progress bar, summary in words or JSON, and exit code."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Exit, Option

from handful.cli._data_options import SourceOptions

if TYPE_CHECKING:
    from handful.deployment.batch.jobs import BatchJob
    from handful.deployment.batch.run import ChunkExecutor, RunSummary

UNREADABLE = 3  # exit code: the run is complete, but some images could not be read

ChunkSize = Annotated[
    int | None,
    Option(
        metavar="N",
        min=1,
        show_default=False,
        help="Number of images in each Parquet chunk of an output folder; default: 4096.",
    ),
]
Workers = Annotated[
    int | None,
    Option(
        metavar="N",
        min=1,
        show_default=False,
        help="Number of workers on the cluster, with one core each; default: as many as it has.",
    ),
]


@dataclass(frozen=True)
class BatchOptions:
    """Options of a command that runs a batch job over an archive."""

    chunk_size: int | None
    ray: str | None
    workers: int | None
    overwrite: bool
    source: SourceOptions


def chunk_executor(ray: str | None, workers: int | None) -> "ChunkExecutor | None":
    """The executor that writes the chunks; None: this process.

    Raises:
        ModelError: workers without a cluster.
    """
    from handful.errors import ModelError

    if ray is None:
        if workers is not None:
            raise ModelError("this option needs a cluster", where="--workers", remedy="add --ray, or leave it out.")
        return None
    from handful.deployment.batch.ray import ray_executor

    return ray_executor(address=ray, workers=workers)


def refuse_chunk_options(options: BatchOptions, *, remedy: str) -> None:
    """Refuse the options of Parquet chunks in a command that writes none.

    Raises:
        OutputError: one is given.
    """
    from handful.errors import OutputError

    values = {"--chunk-size": options.chunk_size, "--ray": options.ray, "--workers": options.workers}
    for name, value in values.items():
        if value is not None:
            raise OutputError("this option is for a folder of Parquet chunks", where=name, remedy=remedy)


def run_batch_job(job: "BatchJob", data: str, out: Path, options: BatchOptions, *, json: bool) -> None:
    """Run a batch job and print its summary; exit with code 3 if some images could not be read."""
    if write_chunks(job, data, out, options, json=json):
        raise Exit(UNREADABLE)


def write_chunks(job: "BatchJob", data: str, out: Path, options: BatchOptions, *, json: bool) -> int:
    """Run a batch job and print its summary; returns the number of images that could not be read."""
    from handful.cli._data import column_names
    from handful.cli._output import print_json, print_text, print_to_stderr
    from handful.core.progress import Progress
    from handful.deployment.batch.archive import find_archive
    from handful.deployment.batch.run import run_archive

    columns, executor = column_names(options.source.columns), chunk_executor(options.ray, options.workers)
    with print_to_stderr(), Progress(None, job.task, shown=True, loss=False) as bar:
        archive = find_archive(data, columns=columns, allow_outside=options.source.allow_outside)
        try:
            summary = run_archive(
                job,
                archive,
                out,
                chunk_size=options.chunk_size,
                overwrite=options.overwrite,
                executor=executor,
                start=bar.go_on,
                advance=partial(bar.advance, 0.0),
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt("finished chunks are kept: the same command continues from there.") from None
    if json:
        counts = {"images": summary.images, "parts": summary.chunks, "failed": summary.failed}
        print_json({"out": str(out), **counts, "done_now": summary.done})
    else:
        print_text(_describe(summary, out))
    return summary.failed


def _describe(summary: "RunSummary", out: Path) -> str:
    chunks = f"{summary.chunks:,} Parquet chunk{'s' if summary.chunks != 1 else ''}"
    earlier = summary.images - summary.done
    text = f"{summary.images:,} images in {chunks} in {out}{f', {earlier:,} of them from before' if earlier else ''}."
    if summary.failed:
        text += f" {summary.failed:,} could not be read: the column error says why."
    return text
