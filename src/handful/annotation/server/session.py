"""State of the annotation server: images, annotations, proposals and background processes."""

import hashlib
import secrets
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from handful.annotation.files.annotations import Annotation, without_image
from handful.annotation.files.project import Project, all_classes, effective_label, image_path
from handful.annotation.files.proposals import read_proposals
from handful.annotation.files.store import AnnotationStore
from handful.annotation.server.background import BackgroundProcess
from handful.annotation.server.image_order import ImageOrder
from handful.annotation.server.quick_matching import QuickMatching
from handful.annotation.tools import active_learning
from handful.core.dataset import Image, Mask, Sample
from handful.core.lru_cache import LRUCache
from handful.data.images import image_size, read_image
from handful.data.left_out import merged
from handful.errors import DataError

if TYPE_CHECKING:
    from handful.annotation.tools.sam import SegmentAnything

CACHED_IMAGES = 2


@dataclass(frozen=True)
class Settings:
    """Settings of the trainings that the page starts, and the secret in its URL."""

    recipe: str = "cvs"  # a name or a .toml file
    overrides: tuple[str, ...] = ()
    draws: int = 2
    folds: int = 3
    seed: int = 0
    device: str = "auto"
    sam: str | None = None  # folder or name of a SAM-type model
    backbone: str | None = None  # whose features decide which image is next; None: the embedded one
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))


class Session:
    """The state behind the page. Threads may share it.

    Args:
        project: the images.
        store: their annotations, open.
        source: path of the images, for the background processes.
        columns, multilabel, unlisted: as `open_project` has them, likewise.
        settings: of the trainings.

    Raises:
        WeightsError, RecipeError: the SAM-type model cannot be loaded.
    """

    def __init__(
        self,
        project: Project,
        store: AnnotationStore,
        *,
        source: str,
        settings: Settings,
        columns: Mapping[str, str] | None = None,
        multilabel: str | None = None,
        unlisted: str | None = None,
    ) -> None:
        self.project, self.store, self.settings = project, store, settings
        self.samples = {image_key(s.id): s for s in project.data.samples}
        self.proposals = read_proposals(project.folder)
        self.training: BackgroundProcess | None = None
        self.sam = _load_sam(settings)
        form = {"columns": columns and dict(columns), "multilabel": multilabel, "unlisted": unlisted}
        self._source = {"source": source, "folder": str(project.folder), **form}
        request = {**self._source, "seed": settings.seed}
        self.order = ImageOrder(project, store, request=request, backbone=settings.backbone)
        self.matching = QuickMatching(request, len(project.data), self._read_proposals)
        self._lock = threading.Lock()
        self._sizes: dict[str, tuple[int, int]] = {}
        self._images = LRUCache[Image](CACHED_IMAGES)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the data and those added on the page, sorted."""
        return all_classes(self.project, self.store.record)

    def sample(self, key: str) -> Sample:
        """The sample with a key.

        Raises:
            DataError: no image has this key.
        """
        if key not in self.samples:
            raise DataError("no such image", where=key[:40], remedy="reload the page.")
        return self.samples[key]

    def path(self, sample: Sample) -> Path:
        """The file of an image, inside the images' folder."""
        return image_path(self.project, sample)

    def size(self, sample: Sample) -> tuple[int, int]:
        """Height and width of an image."""
        if sample.id not in self._sizes:
            self._sizes[sample.id] = image_size(self.path(sample))
        return self._sizes[sample.id]

    def pixels(self, sample: Sample) -> Image:
        """A decoded image; the last few are cached."""
        with self._lock:
            return self._images.get(sample.id, lambda: read_image(self.path(sample)))

    def proposed(self, sample: Sample) -> Mask | None:
        """The proposed mask of an image.

        Raises:
            DataError: it, or the image, cannot be read.
        """
        return self.proposals.mask(sample.id, lambda: self.pixels(sample))

    def row(self, sample: Sample) -> dict[str, Any]:
        """The entry of an image in the page's list."""
        annotation = self.store[sample.id]
        return {
            "key": image_key(sample.id),
            "id": sample.id,
            "split": sample.split,
            "label": effective_label(self.project, sample, annotation),
            "given": annotation.label is None,
            "cannot_tell": annotation.cannot_tell,
            "skipped": annotation.skipped,
            "mask": annotation.mask_source,
            "proposal": self.proposals.awaits_review(annotation),
            "certainty": self.proposals.certainty.get(sample.id),
            "versions": {
                "mask": annotation.mask_version,
                "label": annotation.label_version,
                "marks": annotation.prompts_version,
            },
            "seconds": annotation.seconds,
        }

    def state(self) -> dict[str, Any]:
        """Everything that the page shows, except the images."""
        record = self.store.record
        unused = (*self.project.data.left_out, *without_image(self.project.folder, self.project.data.ids))
        return {
            "name": self.project.root.name,
            "folder": str(self.project.folder),
            "classes": self.classes,
            "images": [self.row(s) for s in self.project.data.samples],
            "trainings": record.trainings,
            "recipe": self.settings.recipe,
            "draws": self.settings.draws,
            "folds": self.settings.folds,
            "round": self.proposals.round,
            "work": self.work(),
            "left_out": [asdict(item) for item in merged(unused)],
        }

    def work(self) -> dict[str, Any]:
        """Progress of the background processes."""
        jobs = {
            "training": self.training,
            "features": self.order.feature_extraction,
            "names": self.order.name_scoring,
        }
        return {name: None if job is None else job.as_json() for name, job in jobs.items()} | self.matching.work(
            self.proposals.round
        )

    def next(
        self, strategy: active_learning.Strategy, goal: str, *, after: str | None, seed: int
    ) -> tuple[str | None, str]:
        """Key of the image to annotate next (None: none is left), and the query strategy that chose it.

        Args:
            strategy: the preferred strategy; another replaces it while there are no features or proposals.
            goal: "mask" or "label": what is to be annotated.
            after: key of the image on the page, which is not chosen again.
            seed: of the random strategy.
        """
        samples = self.project.data.samples
        annotations = [self.store[s.id] for s in samples]
        done = np.array([self._done(s, a, goal) for s, a in zip(samples, annotations, strict=True)], dtype=bool)
        excluded = np.array(
            [a.cannot_tell or s.split in ("test", "val") for s, a in zip(samples, annotations, strict=True)]
        )
        shown = np.array([image_key(s.id) == after for s in samples])
        skipped = np.array([a.skipped for a in annotations])
        for candidates in (~done & ~excluded & ~skipped & ~shown, ~done & ~excluded & ~shown):
            index, used = self.order.next(
                strategy, goal, candidates=candidates, done=done & ~excluded, seed=seed, proposals=self.proposals
            )
            if index is not None:
                return image_key(samples[index].id), used
        return None, strategy

    def _done(self, sample: Sample, annotation: Annotation, goal: str) -> bool:
        if goal == "label":
            return effective_label(self.project, sample, annotation) is not None
        return annotation.mask_source is not None

    def train(self) -> None:
        """Start a training.

        Raises:
            DataError: one is running.
        """
        with self._lock:
            self._refuse_second()
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
            self.training = BackgroundProcess(request, self._on_trained)

    def match_drawn(self, first: str | None = None) -> None:
        """Propose masks by matching, as one was drawn, first of one image; not where a trained model proposes them."""
        if not self._is_training() and not self.store.record.trainings:
            self.matching.match(first)

    def match(self) -> None:
        """Start to propose masks by matching.

        Raises:
            DataError: a training or matching is running.
        """
        with self._lock:
            self._refuse_second()
            if not self.matching.match():
                self._propose("match")

    def propose_salient(self) -> None:
        """Start to propose masks of salient objects.

        Raises:
            DataError: a training or matching is running.
        """
        with self._lock:
            self._refuse_second()
            self._propose("salient")

    def _propose(self, work: str) -> None:
        request = {"work": work, **self._source, "seed": self.settings.seed}
        self.training = BackgroundProcess(request, lambda _: self._read_proposals())

    def _is_training(self) -> bool:
        return self.training is not None and self.training.state == "running"

    def _refuse_second(self) -> None:
        if self._is_training():
            raise DataError("a training is already running", where="training", remedy="wait for it, or stop it.")

    def _on_trained(self, result: dict[str, Any]) -> None:
        self.store.note_training(result)
        self._read_proposals()

    def _read_proposals(self) -> None:
        self.proposals = read_proposals(self.project.folder)

    def refresh(self) -> None:
        """Read the proposals that a training writes before it computes the score."""
        if self.training is not None and self.training.progress.get("stage") == "scoring":
            newest = read_proposals(self.project.folder)
            if newest.round != self.proposals.round:
                self.proposals = newest

    def close(self) -> None:
        """Stop the background processes."""
        self.matching.close()
        self.order.close()
        if self.training is not None:
            self.training.stop()


def image_key(name: str) -> str:
    """Identifier of an image in URLs: not a path, and the same after a restart."""
    return hashlib.sha256(name.encode()).hexdigest()[:20]


def _load_sam(settings: Settings) -> "SegmentAnything | None":
    """The SAM-type model, if one is requested; without it, the server does not import PyTorch."""
    if settings.sam is None:
        return None
    from handful.annotation.tools.sam import SegmentAnything
    from handful.models.device import select_device

    return SegmentAnything(settings.sam, device=select_device(settings.device))
