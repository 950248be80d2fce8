"""A command over an archive: a bar, what came of it in words or JSON, and the exit code."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Exit, Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handful.deployment.batch.jobs import BatchJob
    from handful.deployment.batch.run import Doing, RunSummary

UNREADABLE = 3  # exit code: all is done, but some images could not be read

PartSize = Annotated[
    int | None,
    Option(
        metavar="N",
        min=1,
        show_default=False,
        help="Images in each Parquet part of an output folder (4096); a stop costs one part at most.",
    ),
]
Workers = Annotated[
    int | None,
    Option(metavar="N", min=1, show_default=False, help="Workers on the cluster, a core each (as many as it has)."),
]


def doing(ray: str | None, workers: int | None) -> "Doing | None":
    """Who does the parts.

    Raises:
        ModelError: workers without a cluster.
    """
    from handful.errors import ModelError

    if ray is None:
        if workers is not None:
            raise ModelError("workers are those of a cluster", where="--workers", remedy="give --ray too, or neither.")
        return None
    from handful.deployment.batch.ray import on_ray

    return on_ray(address=ray, workers=workers)


def refuse_parts(part_size: int | None, ray: str | None, workers: int | None, *, remedy: str) -> None:
    """Refuse options of a run in parts where there is none.

    Raises:
        OutputError: one is given.
    """
    from handful.errors import OutputError

    for given, option in ((part_size, "--part-size"), (ray, "--ray"), (workers, "--workers")):
        if given is not None:
            raise OutputError("this is for a folder of Parquet parts", where=option, remedy=remedy)


def over_archive(
    wish: "BatchJob",
    data: str,
    out: Path,
    *,
    part_size: int | None,
    overwrite: bool,
    column: "Sequence[str] | None",
    allow_outside: bool,
    ray: str | None,
    workers: int | None,
    json: bool,
) -> None:
    """Do it, and say what came of it; ends with code 3 where images could not be read."""
    from handful.cli._data import column_names
    from handful.cli._output import print_json, print_text, working
    from handful.core.progress import Progress
    from handful.deployment.batch.archive import find
    from handful.deployment.batch.run import run_archive

    columns, do = column_names(column), doing(ray, workers)
    with working(), Progress(None, wish.task, shown=True, loss=False) as bar:
        archive = find(data, columns=columns, allow_outside=allow_outside)

        def advance(images: int) -> None:
            bar.advance(0.0, images)

        told: dict[str, Any] = {"start": bar.go_on, "advance": advance}
        try:
            found = run_archive(wish, archive, out, part_size=part_size, overwrite=overwrite, do=do, **told)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("parts that are done stay: the same command goes on from there.") from None
    if json:
        facts = {"images": found.images, "parts": found.parts, "failed": found.failed, "done_now": found.done}
        print_json({"out": str(out), **facts})
    else:
        print_text(_told(found, out))
    if found.failed:
        raise Exit(UNREADABLE)


def _told(found: "RunSummary", out: Path) -> str:
    images = f"{found.images:,} images in {found.parts:,} Parquet part{'s' if found.parts != 1 else ''} in {out}"
    before = found.images - found.done
    text = f"{images}{f', {before:,} of them from before' if before else ''}."
    if found.failed:
        text += f" {found.failed:,} could not be read: the column error says why."
    return text
