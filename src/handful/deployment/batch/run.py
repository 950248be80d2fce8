"""A run over an archive: planned once, done in parts, gone on with after any stop, counted at its end."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handful.core.files import lock
from handful.deployment.batch.archive import Archive
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.plan import (
    DRAFT,
    LOCK,
    MANIFEST,
    PLAN,
    Job,
    Plan,
    is_part,
    job_of,
    make_plan,
    read_plan,
    remove_run,
    write_manifest,
)
from handful.deployment.batch.write_chunks import Done, do_parts, failed_in
from handful.errors import OutputError
from handful.saving.predictor import model_hash

PART = 4096
Start = Callable[[int, int], None]  # told the number of images, and how many of them are done already
Advance = Callable[[int], None]
Doing = Callable[[Plan, list[int], BatchJob], Iterable[Done]]  # does parts, wherever


@dataclass(frozen=True)
class RunSummary:
    """What there is at the end. `done` of the images were done by this call, the others before."""

    images: int
    parts: int
    failed: int
    done: int


def run_archive(
    wish: BatchJob,
    archive: Archive,
    out: Path,
    *,
    part_size: int | None = None,
    overwrite: bool = False,
    do: Doing | None = None,
    start: Start | None = None,
    advance: Advance | None = None,
) -> RunSummary:
    """Do what is wished with every image of an archive, each once, into Parquet parts in a folder.

    Args:
        wish: the task and its model.
        archive: the images.
        out: a folder: new, or of a run of the same job, which is gone on with.
        part_size: images in a part: what a stop costs at most. None: as the run that is gone on with, else `PART`.
        overwrite: take away what another job has left there.
        do: does the parts; None: this process.
        start: told how much there is to do.
        advance: told of images as their part is in place.

    Raises:
        OutputError: the folder holds other things or another job, or another process writes to it.
        DataError: the archive cannot be listed, or has gone on the way.
        ModelError: the model cannot do this. Images that cannot be read raise nothing: their rows say so.
    """
    refuse_foreign(out)
    job = job_of(archive, task=wish.task, model=model_hash(wish.model), part_size=0, options=wish.options())
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        plan, manifest = _same_plan(job, out, part_size=part_size, overwrite=overwrite)
        if plan is not None and manifest.get("complete") and not plan.missing():
            return RunSummary(plan.images, plan.parts, int(manifest["failed"]), 0)
        work = wish.work()  # what the model cannot do is said before a long list is made
        if plan is None:
            remove_run(out)
            plan = make_plan(out, archive, replace(job, part_size=part_size or PART))
        _sweep(out)
        todo = plan.missing()
        left = sum(images_in(plan, part) for part in todo)
        if start is not None:
            start(plan.images, plan.images - left)
        for done in do_parts(plan, todo, work, threads=threads()) if do is None else do(plan, todo, wish):
            if advance is not None:
                advance(done.images)
        return _finish(plan, done=left)


def images_in(plan: Plan, part: int) -> int:
    """How many images a part has."""
    return min(plan.job.part_size, plan.images - part * plan.job.part_size)


def _same_plan(job: Job, out: Path, *, part_size: int | None, overwrite: bool) -> tuple[Plan | None, dict[str, Any]]:
    """The plan in the folder with its manifest; none where there is none, or another job's that may be taken away.

    Raises:
        OutputError: another job's that may not, or a manifest that cannot be read.
    """
    try:
        plan, manifest = read_plan(out)
    except OutputError:
        if not overwrite:
            raise
        return None, {}
    if plan is None:
        return None, {}
    differ = replace(job, part_size=part_size or plan.job.part_size).differences(manifest["job"])
    if not differ:
        return plan, manifest
    if not overwrite:
        raise OutputError(
            f"another run is here, which differs in {', '.join(differ)}",
            where=out,
            remedy="repeat that run's command, choose another folder, or pass --overwrite.",
        )
    return None, {}


def refuse_foreign(out: Path) -> None:
    """Refuse a folder that holds anything that no run over an archive wrote.

    Raises:
        OutputError: it does, or is no folder.
    """
    if not out.exists():
        return
    names = [f.name for f in out.iterdir()] if out.is_dir() else [out.name]
    ours = (PLAN, MANIFEST, LOCK)
    foreign = sorted(n for n in names if n not in ours and not is_part(n) and not n.endswith(DRAFT))
    if foreign:
        raise OutputError(
            f"this exists and holds other things ({foreign[0]})", where=out, remedy="choose another output folder."
        )


def threads() -> int:
    """How many threads decode."""
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    with (out / LOCK).open("a") as file:
        if not lock(file.fileno()):
            raise OutputError(
                "another process is writing here", where=out, remedy="wait for it, or choose another folder."
            )
        yield


def _sweep(out: Path) -> None:
    for draft in out.glob(f"*{DRAFT}"):
        draft.unlink()


def _finish(plan: Plan, *, done: int) -> RunSummary:
    """Count what is there, and write it down.

    Raises:
        OutputError: a part has not as many rows as the plan gave it images.
    """
    _sweep(plan.folder)  # what workers that died have left
    parts, failed = [], 0
    for part in range(plan.parts):
        path = plan.part_file(part)
        rows, bad = failed_in(path)
        if rows != images_in(plan, part):
            raise OutputError(
                f"this part has {rows} rows for {images_in(plan, part)} images",
                where=path,
                remedy="delete it and give the same command again.",
            )
        failed += bad
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        parts.append({"file": path.name, "rows": rows, "failed": bad, "sha256": digest})
    write_manifest(plan, {"complete": True, "failed": failed, "files": parts})
    return RunSummary(plan.images, plan.parts, failed, done)
