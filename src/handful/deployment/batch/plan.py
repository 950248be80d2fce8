"""The plan of a batch run: the list of images, the chunk of each, and the identity of the job.

`_plan.parquet` has one row group per chunk; `_manifest.json` describes the run and, once it is complete, its result.
Readers that open the folder as one Parquet data set skip names that begin with an underscore.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from handful.core.files import sync_folder, write_atomically
from handful.core.left_out import LeftOut
from handful.core.parsing import read_json
from handful.data.left_out import warn_of
from handful.deployment.batch.archive import Archive
from handful.deployment.batch.image_locations import ImageLocation, image_column
from handful.errors import DataError, OutputError, option

FORMAT = 1
MAX_MANIFEST = 2**28  # bytes; a job may name very many files
PLAN, MANIFEST, LOCK = "_plan.parquet", "_manifest.json", "_lock"
DRAFT = ".draft"
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("file", pa.binary()),  # bytes, as the operating system has it: not every name is Unicode
        ("block", pa.int32()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
    ]
)


@dataclass(frozen=True)
class JobIdentity:
    """What makes two batch runs the same run: one continues the other in the same output folder.

    Manifests store `chunk_size` under the name `part_size`.
    """

    task: str
    model: str  # a hash of the files that determine its predictions
    root: str
    files: tuple[str, ...]
    column: str
    chunk_size: int
    options: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        stored = {"part_size" if name == "chunk_size" else name: value for name, value in asdict(self).items()}
        plain: dict[str, Any] = json.loads(json.dumps(stored))
        return plain

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "JobIdentity":
        """The identity that a manifest stores.

        Raises:
            KeyError, TypeError: an entry is missing or unknown.
        """
        fields = {**stored, "files": tuple(stored["files"]), "chunk_size": stored["part_size"]}
        del fields["part_size"]
        return cls(**fields)

    def differences(self, stored: Mapping[str, Any]) -> list[str]:
        """Names of the fields in which the identity in a manifest differs from this one."""
        names = {"part_size": "chunk_size"}
        return [names.get(name, name) for name, value in self.as_json().items() if stored.get(name) != value]


@dataclass(frozen=True)
class Plan:
    """A job with its images counted. The list of images stays on disk."""

    folder: Path
    identity: JobIdentity
    images: int

    @property
    def chunk_count(self) -> int:
        """Number of chunks."""
        return -(-self.images // self.identity.chunk_size)

    def chunk_path(self, chunk: int) -> Path:
        """The file of a chunk."""
        width = max(5, len(str(self.chunk_count)))
        return self.folder / f"part-{chunk:0{width}d}-of-{self.chunk_count:0{width}d}.parquet"

    def images_in(self, chunk: int) -> int:
        """Number of images in a chunk."""
        return min(self.identity.chunk_size, self.images - chunk * self.identity.chunk_size)

    def missing_chunks(self) -> list[int]:
        """Numbers of the chunks that are not written yet."""
        existing = {f.name for f in self.folder.iterdir()}
        return [chunk for chunk in range(self.chunk_count) if self.chunk_path(chunk).name not in existing]

    def locations(self, chunks: Iterable[int]) -> Iterator[tuple[int, list[ImageLocation]]]:
        """The number of each chunk, with the locations of its images."""
        with pq.ParquetFile(self.folder / PLAN) as file:
            for chunk in chunks:
                rows = file.read_row_group(chunk).to_pylist()
                yield chunk, [ImageLocation(**{**row, "file": os.fsdecode(row["file"])}) for row in rows]


def identify_job(archive: Archive, *, task: str, model: str, chunk_size: int, options: dict[str, Any]) -> JobIdentity:
    """The identity of the job of running a task over an archive."""
    files = tuple(_as_unicode(f.relative_to(archive.root).as_posix()) for f in archive.files)
    root, column = _as_unicode(str(archive.root)), image_column(archive.columns)
    return JobIdentity(task, model, root, files, column, chunk_size, options)


def make_plan(folder: Path, archive: Archive, identity: JobIdentity) -> Plan:
    """List the archive's images and write the plan; warn of files that are not listed though they may be meant.

    Raises:
        DataError: the archive holds no images, or cannot be read.
    """
    count = 0
    skipped: list[LeftOut] = []
    remaining = archive.locations(skipped)
    with write_atomically(folder / PLAN, draft=folder / (PLAN + DRAFT)) as draft:
        with pq.ParquetWriter(draft, SCHEMA, write_statistics=False) as file:  # nobody looks up an image by its id
            while locations := list(islice(remaining, identity.chunk_size)):
                file.write_table(_to_table(locations), row_group_size=identity.chunk_size)
                count += len(locations)
        if not count:
            raise DataError("no images found", where=archive.root, remedy="check the path.")
    warn_of(skipped)
    plan = Plan(folder, identity, count)
    write_manifest(plan, {"complete": False})
    return plan


def _to_table(locations: Sequence[ImageLocation]) -> pa.Table:
    """A table with the columns of `SCHEMA`."""
    columns = (
        [_as_unicode(p.id) for p in locations],
        [os.fsencode(p.file) for p in locations],
        [p.block for p in locations],
        [p.offset for p in locations],
        [p.length for p in locations],
    )
    return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def read_plan(folder: Path) -> tuple[Plan | None, dict[str, Any]]:
    """The plan in a folder, and its manifest; None and an empty manifest where there is no plan yet.

    Raises:
        OutputError: the manifest is damaged, or was written by a newer version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None, {}
    try:
        manifest = read_json(path, most_bytes=MAX_MANIFEST)
        if manifest["format"] > FORMAT:
            raise OutputError(
                f"manifest format {manifest['format']} is newer than this version's {FORMAT}",
                where=path,
                remedy="update handful, or choose another folder.",
            )
        return Plan(folder, JobIdentity.from_json(manifest["job"]), int(manifest["images"])), manifest
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"the manifest is damaged ({error!r})",
            where=path,
            remedy=f"choose another folder, or pass {option('overwrite')}.",
        ) from error


def write_manifest(plan: Plan, result: Mapping[str, Any]) -> None:
    """Write the manifest, replacing the one that is there."""
    header = {"format": FORMAT, "job": plan.identity.as_json(), "images": plan.images, "parts": plan.chunk_count}
    with write_atomically(plan.folder / MANIFEST, draft=plan.folder / (MANIFEST + DRAFT)) as draft:
        draft.write_text(json.dumps({**header, **result}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def remove_run(folder: Path) -> None:
    """Delete the files of a run, the manifest first: without it, the others are ignored."""
    for name in (MANIFEST, PLAN):
        (folder / name).unlink(missing_ok=True)
    sync_folder(folder)
    for file in folder.iterdir():
        if file.name.endswith(DRAFT) or is_chunk_file(file.name):
            file.unlink()


def is_chunk_file(name: str) -> bool:
    """Whether a file of this name is a chunk."""
    return name.startswith("part-") and name.endswith(".parquet") and "-of-" in name


def _as_unicode(name: str) -> str:
    """A file name as valid Unicode; bytes that are not UTF-8 become escapes of their values."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
