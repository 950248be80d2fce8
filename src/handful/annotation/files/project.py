"""An annotation project: the images, the folder of their annotations, and the annotated data set."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from handful.annotation.files.annotations import JOURNAL, Annotation, AnnotationRecord, mask_path
from handful.annotation.tools.prompts import NOTHING, OBJECT, newest_box, rasterize_prompts
from handful.core.dataset import Dataset, Sample
from handful.core.files import refuse_foreign
from handful.data.class_names import class_names
from handful.data.images import sample_size
from handful.data.kind_checks import refuse_numbers
from handful.data.load import load_data
from handful.data.masks.attach import with_mask
from handful.data.masks.image_file import read_mask
from handful.data.masks.provenance import read_provenance
from handful.data.multilabel import Unlisted, multilabel_dataset
from handful.data.readers.packed import is_packed
from handful.data.sources import TORCHVISION
from handful.errors import DataError, option

SUFFIX = "-annotations"
ACCEPTED = "propagated"  # source of a mask that was accepted as it was


@dataclass(frozen=True, eq=False)
class Project:
    """Images with the folder of their annotations. Nothing outside `root` and `folder` is read or written.

    `data` is as the source has it, without masks; its images are files.
    """

    root: Path
    folder: Path
    data: Dataset


def open_project(
    source: str | Path,
    *,
    folder: Path | None = None,
    columns: Mapping[str, str] | None = None,
    multilabel: str | None = None,
    unlisted: Unlisted | None = None,
) -> Project:
    """The images at `source`, an image folder or a table; nothing is written.

    Args:
        source: images without a label may lie beside the class folders, or there are no class folders.
        folder: of the annotations; by default beside the source: `photos-annotations`.
        columns: a table's own column names.
        multilabel: how the source writes several labels per image; None: it has one label per image.
        unlisted: what a class is that the source does not name; None: unknown in class folders, which say one of an
            image's labels, and else as `load_data` has it.

    Raises:
        DataError: no image files, images that lie elsewhere, or annotations that would lie among the images.
        OutputError: the folder holds other files.
    """
    if is_packed(Path(source)) and Path(source).is_file():
        raise DataError(
            "images in an archive cannot be annotated", where=source, remedy="unpack it, and name the folder."
        )
    if str(source).startswith(TORCHVISION):
        raise DataError(
            "a torchvision data set cannot be annotated by its name",
            where=source,
            remedy="name the folder of its images.",
        )
    data = load_data(
        source,
        unlabelled=True,
        columns=columns,
        allow_outside=True,
        multilabel=multilabel,
        unlisted=unlisted or ("unknown" if multilabel == "folders" else None),
    )
    refuse_numbers(data, "annotating")
    files = [s for s in data.samples if isinstance(s.image, Path)]
    if len(files) < len(data):
        raise DataError(
            "these images are arrays, and only image files can be annotated", where=source, remedy="save them as PNG."
        )
    path = Path(source).resolve()
    root = path if path.is_dir() else path.parent
    name = path.name if path.is_dir() else path.stem
    project_folder = (folder if folder is not None else path.parent / f"{name}{SUFFIX}").resolve()
    if path.is_dir() and project_folder.is_relative_to(root):
        what = "the annotation folder would be inside the image folder and count as a class"
        raise DataError(
            what, where=project_folder, remedy=f"choose a folder outside the images ({option('folder', 'PATH')})."
        )
    refuse_foreign(project_folder, ours=lambda entry: (entry.parent / JOURNAL).exists())
    away = [s.id for s in files if not Path(str(s.image)).resolve().is_relative_to(root)]
    if away:
        raise DataError(
            f"{len(away)} of the images are outside {root}, or links to files outside",
            where=away[0],
            remedy="copy the files into it, or annotate the folder that holds them.",
        )
    masked = replace(data, samples=tuple(s.without_mask() for s in data.samples))
    return Project(root, project_folder, masked)


def image_path(project: Project, sample: Sample) -> Path:
    """The file of an image, checked again, as a symbolic link may have replaced it.

    Raises:
        DataError: it leads out of the images' folder.
    """
    assert isinstance(sample.image, Path)
    if not sample.image.resolve().is_relative_to(project.root):
        raise DataError("this image is a link to a file elsewhere", where=sample.id, remedy="copy the file.")
    return sample.image


def all_classes(project: Project, record: AnnotationRecord) -> tuple[str, ...]:
    """The classes of the data and those added on the page, sorted."""
    given = {a.label for a in record.annotations.values() if a.label is not None}
    entered = {name for a in record.annotations.values() for name in a.entries}
    return class_names([], sorted({*project.data.classes, *record.classes, *given, *entered}))


def effective_label(project: Project, sample: Sample, annotation: Annotation) -> str | None:
    """The label of an image: that of the page, else that of the data; None where it cannot be told."""
    if annotation.cannot_tell:
        return None
    if annotation.label is not None:
        return annotation.label
    return None if sample.label is None else project.data.classes[sample.label]


def effective_entries(project: Project, sample: Sample, annotation: Annotation) -> dict[str, bool]:
    """Which classes an image is known to show, or not to show: as the page says, else as the data do.

    A label that was given while the data had one label per image is a class that the image shows.
    """
    entries: dict[str, bool | None] = {}
    if sample.target is not None:
        for name, value in zip(project.data.classes, sample.target.tolist(), strict=True):
            entries[name] = None if np.isnan(value) else value == 1
    if annotation.label is not None:
        entries[annotation.label] = True
    entries |= annotation.entries
    return {name: value for name, value in entries.items() if value is not None}


def annotated(project: Project, record: AnnotationRecord, *, masks: bool = True, marks: bool = False) -> Dataset:
    """The data set as annotated. Masks are "hand", or "propagated" where one was accepted unchanged.

    `segmenter_saw` is what the models of all training rounds were trained on.

    Args:
        project: the images.
        record: of the same images.
        masks: also read the masks; empty and full ones are left out, with a warning.
        marks: points, scribbles and boxes on an image without a mask are a partial mask.

    Raises:
        DataError: a mask cannot be read, or is of another size than its image.
    """
    classes = all_classes(project, record)
    if project.data.kind == "multilabel":
        return _annotated_entries(project, record, classes)
    number = {name: i for i, name in enumerate(classes)}
    samples = []
    for sample in project.data.samples:
        annotation = record.annotations[sample.id]
        label = effective_label(project, sample, annotation)
        new = replace(sample, label=None if label is None else number[label])
        if masks and annotation.mask_source is not None:
            path = mask_path(project.folder, sample.id)
            source = ACCEPTED if annotation.mask_source == ACCEPTED else "hand"
            new = with_mask(new, read_mask(path), where=path, source=source, blank="drop")
        elif masks and marks and annotation.prompts:
            new = _with_partial_mask(new, annotation)
        samples.append(new)
    provenance = read_provenance(project.folder) if masks else None
    known = None if provenance is None or provenance.saw is None else frozenset(provenance.saw.values())
    return Dataset(tuple(samples), classes, segmenter_saw=known)


def _annotated_entries(project: Project, record: AnnotationRecord, classes: tuple[str, ...]) -> Dataset:
    """The data set with several labels per image as annotated; masks are left out."""
    index = {name: i for i, name in enumerate(classes)}
    targets = np.full((len(project.data), len(classes)), np.nan, dtype=np.float32)
    for row, sample in zip(targets, project.data.samples, strict=True):
        for name, value in effective_entries(project, sample, record.annotations[sample.id]).items():
            row[index[name]] = value
    return multilabel_dataset(project.data.samples, list(targets), classes)


def _with_partial_mask(sample: Sample, annotation: Annotation) -> Sample:
    """The sample with what its marks say: scribbles and points what is below them, a box what is outside of it."""
    size = sample_size(sample)
    drawn, box = rasterize_prompts(annotation.prompts, size), newest_box(annotation.prompts, size)
    known = drawn != NOTHING
    if box is not None:
        outside = np.ones(size, dtype=bool)
        outside[box[1] : box[3], box[0] : box[2]] = False
        known |= outside
    return replace(sample, mask=drawn == OBJECT, known=known, mask_source="hand") if known.any() else sample
