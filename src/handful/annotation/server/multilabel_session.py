"""State of the annotation server where an image may show several classes: what is known of each, and suggestions."""

from collections.abc import Iterable
from typing import Any

from handful.annotation.files.feature_file import FeatureFile
from handful.annotation.files.project import effective_entries
from handful.annotation.server.session import Session, image_key
from handful.annotation.tools.suggestions import suggest
from handful.core.dataset import Sample
from handful.data.readers.table_rows import ROLES
from handful.errors import DataError


def refuse_column_names(names: Iterable[str], *, where: object) -> None:
    """Refuse classes that are named like a column of the table to which the labels are exported.

    Raises:
        DataError: there is one.
    """
    for name in names:
        if name.casefold() in ROLES:
            remedy = f"choose another name: in the table of the labels {name!r} is a column of another kind."
            raise DataError(f"{name!r} cannot be a class", where=where, remedy=remedy)


class MultilabelSession(Session):
    """The state behind the page for several labels per image. Threads may share it."""

    def row(self, sample: Sample) -> dict[str, Any]:
        """The entry of an image in the page's list."""
        annotation = self.store[sample.id]
        return {
            "key": image_key(sample.id),
            "id": sample.id,
            "split": sample.split,
            "entries": effective_entries(self.project, sample, annotation),
        }

    def state(self) -> dict[str, Any]:
        """Everything that the page shows, except the images and the suggestions."""
        return {
            "name": self.project.root.name,
            "folder": str(self.project.folder),
            "classes": self.classes,
            "images": [self.row(s) for s in self.project.data.samples],
            "work": self.work(),
        }

    def change(self, changes: Iterable[tuple[str, str, bool | None]], *, seconds: float) -> list[dict[str, Any]]:
        """Save which classes images show, and return the entries of these images in the page's list.

        Args:
            changes: the key of an image, a class, and whether the image shows it (None: unknown). A later change of
                the same entry, also from another window, replaces an earlier one.
            seconds: time spent on all of them.

        Raises:
            DataError: an unknown image or class; then nothing is saved.
        """
        classes = set(self.classes)
        by_image: dict[str, dict[str, bool | None]] = {}
        for key, name, present in changes:
            sample = self.sample(key)
            if name not in classes:
                raise DataError(f"{name!r} is not a class", where=sample.id, remedy="add the class first.")
            by_image.setdefault(sample.id, {})[name] = present
        self.store.set_entries(by_image, seconds=seconds)
        return [self.row(self.samples[image_key(name)]) for name in by_image]

    def suggestions(self) -> dict[str, dict[str, float]]:
        """For each class, the probability of images of which it is unknown; only of images with features."""
        rows = FeatureFile(self.project.folder, self.settings.backbone).rows
        entries = {
            s.id: effective_entries(self.project, s, self.store[s.id])
            for s in self.project.data.samples
            if s.split not in ("test", "val")
        }
        found = suggest(rows, entries, self.classes)
        return {name: {image_key(image): value for image, value in rated.items()} for name, rated in found.items()}
