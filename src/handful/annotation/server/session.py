"""What a running server holds: the images, the store, the proposals, and the work under way."""

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from handful.annotation.files.annotations import Annotation
from handful.annotation.files.feature_file import FeatureFile
from handful.annotation.files.project import Project, classes_of, image_path, label_of
from handful.annotation.files.proposals import read_proposals
from handful.annotation.files.store import AnnotationStore
from handful.annotation.server.background import BackgroundProcess
from handful.annotation.tools import active_learning
from handful.core.dataset import Image, Sample
from handful.data.images import image_size, read_image
from handful.errors import DataError

if TYPE_CHECKING:
    from handful.annotation.tools.sam import SegmentAnything

HELD = 2  # decoded images in memory


@dataclass(frozen=True)
class Settings:
    """What a training from the page does, and the address's secret."""

    recipe: str = "cvs-lite0"  # a name or a .toml file
    overrides: tuple[str, ...] = ()
    draws: int = 2
    folds: int = 3
    seed: int = 0
    device: str = "auto"
    sam: str | None = None  # folder or name of a SAM-type model
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))


class Session:
    """The state behind the page. Threads may share it.

    Args:
        project: the images.
        store: their annotations, open.
        source: where the images came from, for the processes that read them again.
        columns: a table's own column names, likewise.
        settings: of the trainings.

    Raises:
        WeightsError, RecipeError: a SAM-type model was asked for and cannot be had.
    """

    def __init__(
        self,
        project: Project,
        store: AnnotationStore,
        *,
        source: str,
        settings: Settings,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self.project, self.store, self.settings = project, store, settings
        self.samples = {key_of(s.id): s for s in project.data.samples}
        self.proposals = read_proposals(project.folder)
        self.training: BackgroundProcess | None = None
        self.looking: BackgroundProcess | None = None
        self.sam = _sam(settings)
        self._source = {"source": source, "folder": str(project.folder), "columns": columns and dict(columns)}
        self._lock = threading.Lock()
        self._sizes: dict[str, tuple[int, int]] = {}
        self._images: OrderedDict[str, Image] = OrderedDict()

    def sample(self, key: str) -> Sample:
        """The image of a key.

        Raises:
            DataError: there is none.
        """
        if key not in self.samples:
            raise DataError("no such image", where=key[:40], remedy="reload the page.")
        return self.samples[key]

    def path(self, sample: Sample) -> Path:
        """An image's file, inside the images' folder."""
        return image_path(self.project, sample)

    def size(self, sample: Sample) -> tuple[int, int]:
        """Height and width of an image."""
        if sample.id not in self._sizes:
            self._sizes[sample.id] = image_size(self.path(sample))
        return self._sizes[sample.id]

    def pixels(self, sample: Sample) -> Image:
        """An image, decoded; the last ones are kept."""
        with self._lock:
            if sample.id not in self._images:
                self._images[sample.id] = read_image(self.path(sample))
                while len(self._images) > HELD:
                    self._images.popitem(last=False)
            self._images.move_to_end(sample.id)
            return self._images[sample.id]

    def row(self, sample: Sample) -> dict[str, Any]:
        """An image's line in the list."""
        told = self.store[sample.id]
        return {
            "key": key_of(sample.id),
            "id": sample.id,
            "split": sample.split,
            "label": label_of(self.project, sample, told),
            "given": told.label is None,
            "cannot_tell": told.cannot_tell,
            "skipped": told.skipped,
            "mask": told.mask_source,
            "proposal": self.proposals.waits(told),
            "certainty": self.proposals.certainty.get(sample.id),
            "versions": {"mask": told.mask_version, "label": told.label_version, "marks": told.marks_version},
            "seconds": told.seconds,
        }

    def state(self) -> dict[str, Any]:
        """Everything the page shows, but the pictures."""
        record = self.store.record
        return {
            "name": self.project.root.name,
            "folder": str(self.project.folder),
            "classes": classes_of(self.project, record),
            "images": [self.row(s) for s in self.project.data.samples],
            "trainings": record.trainings,
            "recipe": self.settings.recipe,
            "draws": self.settings.draws,
            "folds": self.settings.folds,
            "round": self.proposals.round,
            "work": self.work(),
        }

    def work(self) -> dict[str, Any]:
        """How the work under way stands."""
        jobs = {"training": self.training, "features": self.looking}
        return {name: None if job is None else job.as_json() for name, job in jobs.items()}

    def next(self, order: active_learning.Order, goal: str, *, after: str | None, seed: int) -> tuple[str | None, str]:
        """Key of the image to ask for, and the order that it really came from; None: nothing is left.

        Args:
            order: wanted; without features or proposals, another takes its place.
            goal: "mask" or "label": what is asked for.
            after: key of the image on the page, not to be asked for again at once.
            seed: of the random order.
        """
        samples = self.project.data.samples
        told = [self.store[s.id] for s in samples]
        done = np.array([self._done(s, t, goal) for s, t in zip(samples, told, strict=True)], dtype=bool)
        out = np.array([t.cannot_tell or s.split in ("test", "val") for s, t in zip(samples, told, strict=True)])
        shown = np.array([key_of(s.id) == after for s in samples])
        skipped = np.array([t.skipped for t in told])
        for open_ in (~done & ~out & ~skipped & ~shown, ~done & ~out & ~shown):
            at, really = self._pick(order, open_, done & ~out, seed)
            if at is not None:
                return key_of(samples[at].id), really
        return None, order

    def _done(self, sample: Sample, told: Annotation, goal: str) -> bool:
        if goal == "label":
            return label_of(self.project, sample, told) is not None
        return told.mask_source is not None

    def _pick(
        self, order: active_learning.Order, open_: Bool[np.ndarray, " n"], done: Bool[np.ndarray, " n"], seed: int
    ) -> tuple[int | None, str]:
        data = self.project.data
        if order == "listed":
            return active_learning.listed(open_), order
        if order in ("uncertain", "influential"):
            known = self.proposals.certainty if order == "uncertain" else self.proposals.influence
            ask = active_learning.uncertain if order == "uncertain" else active_learning.influential
            found = ask(data.ids, open_, known)
            if found is not None:
                return found, order
            order = "diverse"
        if order == "random":
            return active_learning.random(open_, seed=seed), order
        classes = classes_of(self.project, self.store.record)
        labels = [label_of(self.project, s, self.store[s.id]) for s in data.samples]
        numbers = np.array([-1 if name is None else classes.index(name) for name in labels], dtype=np.int64)
        kept = FeatureFile(self.project.folder)
        looked = self.looking is not None and self.looking.state == "done"
        if not kept.rows or not (looked or all(name in kept.rows for name in data.ids)):
            own = active_learning.class_with_least(numbers, done, open_)
            return active_learning.random(open_ if own is None else open_ & own, seed=seed), "random"
        nothing = np.zeros_like(next(iter(kept.rows.values())))  # of an image that cannot be read
        features = np.stack([kept.rows.get(name, nothing) for name in data.ids]).astype(np.float64)
        ask_by = active_learning.typical if order == "typical" else active_learning.diverse
        return ask_by(features, active_learning.guess(features, numbers), done, open_), order

    def look(self) -> None:
        """Start to compute features, if that is not done or under way."""
        with self._lock:
            if self.looking is None or self.looking.state in ("failed", "stopped"):
                self.looking = BackgroundProcess({"work": "features", **self._source}, lambda _: None)

    def train(self) -> None:
        """Start a training.

        Raises:
            DataError: one is under way.
        """
        with self._lock:
            if self.training is not None and self.training.state == "running":
                raise DataError("a training is already running", where="training", remedy="wait for it, or stop it.")
            s = self.settings
            request = {
                "work": "train",
                **self._source,
                "recipe": s.recipe,
                "overrides": s.overrides,
                "draws": s.draws,
                "folds": s.folds,
                "seed": s.seed,
                "device": s.device,
            }
            self.training = BackgroundProcess(request, self._trained)

    def _trained(self, found: dict[str, Any]) -> None:
        self.store.note_training(found)
        self.proposals = read_proposals(self.project.folder)

    def refresh(self) -> None:
        """Take in proposals that a training wrote before it began to score."""
        if self.training is not None and self.training.progress.get("stage") == "scoring":
            newest = read_proposals(self.project.folder)
            if newest.round != self.proposals.round:
                self.proposals = newest

    def close(self) -> None:
        """Stop what is under way."""
        for job in (self.training, self.looking):
            if job is not None:
                job.stop()


def key_of(name: str) -> str:
    """What an image is called in addresses: no path, and the same after a restart."""
    return hashlib.sha256(name.encode()).hexdigest()[:20]


def _sam(settings: Settings) -> "SegmentAnything | None":
    """The SAM-type model, if one is wanted: without it the server needs no PyTorch."""
    if settings.sam is None:
        return None
    from handful.annotation.tools.sam import SegmentAnything
    from handful.models.device import select_device

    return SegmentAnything(settings.sam, device=select_device(settings.device))
