"""The plan of a run over an archive: which images there are, in which part each is, and what is to be done with them.

`_plan.parquet` has a row group for each part; `_manifest.json` says what the run is, and when it has ended what came of
it. Names that begin with an underscore are passed over by whoever reads the folder as one Parquet data set.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from handful.core.files import settle, sync_folder
from handful.deployment.batch.archive import Archive, Piece, image_column
from handful.errors import DataError, OutputError

FORMAT = 1
PLAN, MANIFEST, LOCK = "_plan.parquet", "_manifest.json", "_lock"
DRAFT = ".draft"
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("file", pa.binary()),  # as the system has it: not every name is Unicode
        ("block", pa.int32()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Job:
    """What is done with which images: two runs of the same job into the same folder are one."""

    task: str
    model: str  # a hash of what decides its answers
    root: str
    files: tuple[str, ...]
    column: str
    part_size: int
    options: dict[str, Any]

    def differences(self, other: dict[str, Any]) -> list[str]:
        """The names of what another job, as its manifest has it, wants otherwise."""
        own = json.loads(json.dumps(asdict(self)))
        return [name for name, value in own.items() if other.get(name) != value]


@dataclass(frozen=True)
class Plan:
    """A job with its images counted. The images themselves stay on disk."""

    folder: Path
    job: Job
    images: int

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.images // self.job.part_size)

    def part_file(self, part: int) -> Path:
        """The file of a part."""
        width = max(5, len(str(self.parts)))
        return self.folder / f"part-{part:0{width}d}-of-{self.parts:0{width}d}.parquet"

    def missing(self) -> list[int]:
        """Parts that are not there yet."""
        there = {f.name for f in self.folder.iterdir()}
        return [part for part in range(self.parts) if self.part_file(part).name not in there]

    def pieces(self, parts: Iterable[int]) -> Iterator[tuple[int, list[Piece]]]:
        """Each part with its images."""
        with pq.ParquetFile(self.folder / PLAN) as file:
            for part in parts:
                rows = file.read_row_group(part).to_pylist()
                yield part, [Piece(**{**row, "file": os.fsdecode(row["file"])}) for row in rows]


def job_of(archive: Archive, *, task: str, model: str, part_size: int, options: dict[str, Any]) -> Job:
    """The job of doing something with an archive."""
    files = tuple(_text(f.relative_to(archive.root).as_posix()) for f in archive.files)
    root, column = _text(str(archive.root)), image_column(archive.columns)
    return Job(task, model, root, files, column, part_size, options)


def make_plan(folder: Path, archive: Archive, job: Job) -> Plan:
    """List the archive's images into a new plan.

    Raises:
        DataError: the archive holds no image, or cannot be read.
    """
    draft = folder / (PLAN + DRAFT)
    count = 0
    left = archive.pieces()
    with pq.ParquetWriter(draft, SCHEMA, write_statistics=False) as file:  # nobody looks for an image by its id
        while pieces := list(islice(left, job.part_size)):
            file.write_table(_rows(pieces), row_group_size=job.part_size)
            count += len(pieces)
    if not count:
        draft.unlink()
        raise DataError("there are no images in it", where=archive.root, remedy="check the path.")
    settle(draft, folder / PLAN)
    plan = Plan(folder, job, count)
    write_manifest(plan, {"complete": False})
    return plan


def _rows(pieces: Sequence[Piece]) -> pa.Table:
    """As `SCHEMA` has them."""
    columns = (
        [_text(p.id) for p in pieces],
        [os.fsencode(p.file) for p in pieces],
        [p.block for p in pieces],
        [p.offset for p in pieces],
        [p.length for p in pieces],
    )
    return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def read_plan(folder: Path) -> tuple[Plan | None, dict[str, Any]]:
    """The plan in a folder with its manifest; none where no run got so far.

    Raises:
        OutputError: the manifest is damaged, or of a newer version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None, {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["format"] > FORMAT:
            raise OutputError(
                f"manifest format {manifest['format']} is newer than this version's {FORMAT}",
                where=path,
                remedy="update handful, or choose another folder.",
            )
        kept = manifest["job"]
        job = Job(**{**kept, "files": tuple(kept["files"])})
        return Plan(folder, job, int(manifest["images"])), manifest
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"the manifest is damaged ({error!r})", where=path, remedy="choose another folder, or pass --overwrite."
        ) from error


def write_manifest(plan: Plan, found: dict[str, Any]) -> None:
    """Put the manifest in the place of the one that is there."""
    held = {"format": FORMAT, "job": asdict(plan.job), "images": plan.images, "parts": plan.parts, **found}
    draft = plan.folder / (MANIFEST + DRAFT)
    draft.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    settle(draft, plan.folder / MANIFEST)


def remove_run(folder: Path) -> None:
    """Take away what a run has written, the manifest first: without it nothing else counts."""
    for name in (MANIFEST, PLAN):
        (folder / name).unlink(missing_ok=True)
    sync_folder(folder)
    for file in folder.iterdir():
        if file.name.endswith(DRAFT) or is_part(file.name):
            file.unlink()


def is_part(name: str) -> bool:
    """Whether a file of this name is a part."""
    return name.startswith("part-") and name.endswith(".parquet") and "-of-" in name


def _text(name: str) -> str:
    """A name of the system's as Unicode that can be written down; bytes that are none become their numbers."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
