"""Batch prediction over an archive: plan, process chunk by chunk, resume, verify."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handful.core.files import existing, lock_output, refuse_foreign
from handful.core.processes import available_cores
from handful.deployment.batch.archive import Archive
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.plan import (
    DRAFT,
    LOCK,
    MANIFEST,
    PLAN,
    JobIdentity,
    Plan,
    identify_job,
    is_chunk_file,
    make_plan,
    read_plan,
    remove_run,
    write_manifest,
)
from handful.deployment.batch.write_chunks import WrittenChunk, count_rows, write_chunks
from handful.errors import OutputError
from handful.saving.predictor import model_hash

CHUNK_SIZE = 4096
OnStart = Callable[[int, int], None]  # called with the number of images, and how many of them are already done
Advance = Callable[[int], None]
ChunkExecutor = Callable[[Plan, list[int], BatchJob], Iterable[WrittenChunk]]


@dataclass(frozen=True)
class RunSummary:
    """Totals of a complete run. `done` of its images were predicted by this call, the others by earlier ones."""

    images: int
    chunks: int
    failed: int
    done: int


def run_archive(
    job: BatchJob,
    archive: Archive,
    out: Path,
    *,
    chunk_size: int | None = None,
    overwrite: bool = False,
    executor: ChunkExecutor | None = None,
    start: OnStart | None = None,
    advance: Advance | None = None,
) -> RunSummary:
    """Run a job on every image of an archive, each exactly once, and write the results as Parquet chunks.

    Args:
        job: the task and its model.
        archive: the images.
        out: a new folder, or the output folder of the same job, whose run is then continued.
        chunk_size: images per chunk, which is the most that an interruption costs. None: that of the run that is
            continued, or else `CHUNK_SIZE`.
        overwrite: delete the output of another job.
        executor: writes the chunks; None: this process.
        start: called with the amount of work.
        advance: called with a number of images each time a chunk is complete.

    Raises:
        OutputError: the folder holds other files or another job's output, or another process writes to it.
        DataError: the archive cannot be listed, or disappeared during the run.
        ModelError: the model does not support the task. Unreadable images raise nothing: their rows hold the error.
    """
    refuse_foreign(out, ours=_is_ours)
    identity = identify_job(archive, task=job.task, model=model_hash(job.model), chunk_size=0, options=job.options())
    out.mkdir(parents=True, exist_ok=True)
    with lock_output(out, lock=out / LOCK):
        plan, manifest = _resumable_plan(identity, out, chunk_size=chunk_size, overwrite=overwrite)
        if plan is not None and manifest.get("complete") and not plan.missing_chunks():
            return RunSummary(plan.images, plan.chunk_count, int(manifest["failed"]), 0)
        loaded = job.load()  # an unsuitable model fails here, before a long listing
        if plan is None:
            remove_run(out)
            plan = make_plan(out, archive, replace(identity, chunk_size=chunk_size or CHUNK_SIZE))
        _remove_drafts(out)
        missing = plan.missing_chunks()
        remaining = sum(plan.images_in(chunk) for chunk in missing)
        if start is not None:
            start(plan.images, plan.images - remaining)
        if executor is None:
            written: Iterable[WrittenChunk] = write_chunks(plan, missing, loaded, threads=decoder_threads())
        else:
            written = executor(plan, missing, job)
        for chunk in written:
            if advance is not None:
                advance(chunk.images)
        return _verify(plan, done=remaining)


def _resumable_plan(
    identity: JobIdentity, out: Path, *, chunk_size: int | None, overwrite: bool
) -> tuple[Plan | None, dict[str, Any]]:
    """The plan in the folder, and its manifest; None where there is none, or only one that may be overwritten.

    Raises:
        OutputError: the plan belongs to another job, or its manifest cannot be read, and `overwrite` is false.
    """
    try:
        plan, manifest = read_plan(out)
    except OutputError:
        if not overwrite:
            raise
        return None, {}
    if plan is None:
        return None, {}
    wanted = replace(identity, chunk_size=chunk_size or plan.identity.chunk_size)
    differences = wanted.differences(manifest["job"])
    if not differences:
        return plan, manifest
    if not overwrite:
        raise existing(out, differs=differences)
    return None, {}


def _is_ours(entry: Path) -> bool:
    """Whether a batch run wrote this entry of its output folder."""
    return entry.name in (PLAN, MANIFEST, LOCK) or is_chunk_file(entry.name) or entry.name.endswith(DRAFT)


def decoder_threads() -> int:
    """Number of threads that decode images."""
    return max(1, min(8, available_cores()))


def _remove_drafts(out: Path) -> None:
    for draft in out.glob(f"*{DRAFT}"):
        draft.unlink()


def _verify(plan: Plan, *, done: int) -> RunSummary:
    """Count the rows of every chunk, and complete the manifest.

    Raises:
        OutputError: a chunk does not have as many rows as the plan assigned images to it.
    """
    _remove_drafts(plan.folder)  # left behind by workers that died
    files, total_failed = [], 0
    for chunk in range(plan.chunk_count):
        path = plan.chunk_path(chunk)
        rows, failed = count_rows(path)
        if rows != plan.images_in(chunk):
            raise OutputError(
                f"this chunk has {rows} rows for {plan.images_in(chunk)} images",
                where=path,
                remedy="delete it and run the same command again.",
            )
        total_failed += failed
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files.append({"file": path.name, "rows": rows, "failed": failed, "sha256": digest})
    write_manifest(plan, {"complete": True, "failed": total_failed, "files": files})
    return RunSummary(plan.images, plan.chunk_count, total_failed, done)
