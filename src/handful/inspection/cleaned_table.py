"""A cleaned table: copies and unreadable files left out, inferred groups added."""

import csv
import io
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handful.core.dataset import Dataset, Sample
from handful.core.file_names import as_unicode
from handful.core.files import refuse_existing
from handful.data.candidate_labels import label_of_candidates
from handful.data.readers.packed import is_packed
from handful.data.readers.table_votes import PREFIX
from handful.errors import DataError, OutputError
from handful.inspection.measurements import Measurements


@dataclass(frozen=True)
class TableChanges:
    """Counts of what a cleaned table keeps, leaves out and adds."""

    rows: int
    unreadable: int
    copies: int
    conflicts: int
    groups: int


def write_cleaned_table(
    measurements: Measurements, path: Path, *, doubts: Mapping[str, str] | None = None
) -> TableChanges:
    """Write a CSV table of the samples with columns path, label, group and split; images are not touched.

    Class probabilities are columns votes:CLASS, and weights a column weight, where there are some. Candidates are a
    label of several names, "duck|sparrow", as `load_data(..., candidates="|")` reads it.

    Left out are files that cannot be read, exact copies but one (the held-out one stays), and all of those whose
    copies have several labels. Near copies share a group, as do pictures of a inferred group. Paths are relative to the
    table. Masks are in no table: name them as before.

    Args:
        measurements: of the images.
        path: the table to write.
        doubts: what is doubtful about the label of an image, by its id: a further column `doubt`, which no reader
            reads.

    Raises:
        OutputError: the file exists, or does not end in .csv.
        DataError: the pictures are not files.
    """
    check_table_path(path)
    if not len(measurements.data) or not all(isinstance(s.image, Path) for s in measurements.data.samples):
        raise DataError(
            "the images are not files, so no table can list them",
            where=path,
            remedy="inspect an image folder or a table.",
        )
    rows, copies, conflicts = _without_copies(measurements)
    groups = _groups(measurements)
    path.parent.mkdir(parents=True, exist_ok=True)
    table: list[tuple[str, ...]] = [
        ("path", "label", "group", "split"),
        *(_row(measurements, i, groups[i], path.parent) for i in rows),
    ]
    for name, cells in _further_columns(measurements.data).items():
        table = [(*row, cell) for row, cell in zip(table, [name, *(cells[i] for i in rows)], strict=True)]
    if doubts:
        texts = ["doubt", *(doubts.get(measurements.data.samples[i].id, "") for i in rows)]
        table = [(*row, text) for row, text in zip(table, texts, strict=True)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    with path.open("x", encoding="utf-8", newline="") as file:
        file.write(text.getvalue())
    named = {groups[i] for i in rows} - {None}
    return TableChanges(len(rows), len(measurements.unreadable), copies, conflicts, len(named))


def _further_columns(data: Dataset) -> dict[str, list[str]]:
    """The cells of each sample in the columns of class probabilities and weights; no column where there are none."""
    columns: dict[str, list[str]] = {}
    if data.has_probabilities:
        rows = data.probabilities()
        columns = {f"{PREFIX}{name}": [f"{p:.6g}" for p in rows[:, c]] for c, name in enumerate(data.classes)}
    if data.has_weights:
        columns["weight"] = [f"{sample.weight:g}" for sample in data.samples]
    return columns


def _row(measurements: Measurements, position: int, group: str | None, folder: Path) -> tuple[str, str, str, str]:
    """The cells of one sample. Paths are relative to the table's folder."""
    sample = measurements.data.samples[position]
    assert isinstance(sample.image, Path)
    image = as_unicode(Path(os.path.relpath(sample.image.resolve(), folder.resolve())).as_posix())
    classes = measurements.data.classes
    label = label_of_candidates(sample, classes) if sample.label is None else classes[sample.label]
    return image, label, group or "", sample.split or ""


def check_table_path(path: Path) -> None:
    """Check that a new table can be written to `path`.

    Raises:
        OutputError: the file exists, or does not end in .csv.
    """
    if path.suffix.lower() != ".csv":
        raise OutputError("the new table is a CSV file", where=path, remedy="end its name in .csv.")
    refuse_existing(path, overwrite=None)


def refuse_packed(source: Path, table: Path) -> None:
    """Refuse to list the images of an archive: a table names files, and these would be gone with the command.

    Raises:
        DataError: the source is a .zip or .tar archive.
    """
    if is_packed(source) and source.is_file():
        raise DataError(
            "the images are in an archive, so no table can list them",
            where=table,
            remedy=f"unpack {source}, and inspect the folder.",
        )


def _without_copies(measurements: Measurements) -> tuple[list[int], int, int]:
    """Positions that stay; how many copies do not; and how many with several labels."""
    same: dict[str, list[int]] = defaultdict(list)
    for i, digest in enumerate(measurements.statistics.hashes):
        same[digest].append(i)
    samples = measurements.data.samples
    stay: set[int] = set()
    copies = conflicts = 0
    for members in same.values():
        if len({samples[i].label for i in members} - {None}) > 1:
            conflicts += len(members)
            continue
        stay.add(min(members, key=lambda i: _first(samples[i])))
        copies += len(members) - 1
    return sorted(stay), copies, conflicts


def _first(sample: Sample) -> tuple[bool, bool, str]:
    """Which copy is kept: a held-out one, so that the test part stays whole; then a labelled one."""
    return sample.split != "test", sample.label is None, sample.id


def _groups(measurements: Measurements) -> list[str | None]:
    """The groups given, or else the guessed ones; near copies join the group of their first."""
    inferred = measurements.inferred_groups
    groups = [s.group for s in measurements.data.samples] if inferred is None else list(inferred.groups)
    for number, members in enumerate(measurements.copies):
        name = next((groups[i] for i in members if groups[i] is not None), f"copies-{number:04d}")
        for i in members:
            groups[i] = groups[i] or name
    counts: dict[str | None, int] = {}
    for group in groups:
        counts[group] = counts.get(group, 0) + 1
    given = any(s.group is not None for s in measurements.data.samples)
    return [g if given or counts[g] > 1 else None for g in groups]
