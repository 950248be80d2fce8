"""Which image the page shows next: query strategies on features, class names and proposals, and who computes these."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from handful.annotation.files.feature_file import FeatureFile
from handful.annotation.files.name_scores import read_name_scores
from handful.annotation.files.project import Project, all_classes, effective_label
from handful.annotation.files.proposals import Proposals
from handful.annotation.files.store import AnnotationStore
from handful.annotation.server.background import BackgroundProcess
from handful.annotation.tools import active_learning
from handful.data.class_names import nfc
from handful.models.name_weight import LEVEL


class ImageOrder:
    """Answers which image is next, and computes features and scores of the class names. Threads may share it.

    Args:
        project: the images.
        store: their annotations, open.
        request: of the background processes, as plain values: the source of the images, the folder and a seed.
        backbone: whose features are used; None: the embedded one.
    """

    def __init__(
        self, project: Project, store: AnnotationStore, *, request: Mapping[str, Any], backbone: str | None
    ) -> None:
        self.project, self.store, self.backbone = project, store, backbone
        self.feature_extraction: BackgroundProcess | None = None
        self.name_scoring: BackgroundProcess | None = None
        self._request = {**request, "backbone": backbone}
        self._lock = threading.Lock()
        self._listed = all_classes(project, store.record)  # those that are known before the first label
        self._scored: tuple[str, ...] = ()

    def add_class(self, name: str) -> None:
        """Add a class; before the first label it counts as listed.

        Raises:
            DataError: as `AnnotationStore.add_class`.
        """
        if name not in self.project.data.classes:
            self.store.add_class(name)
        if not (self._labels() >= 0).any():
            self._listed = all_classes(self.project, self.store.record)

    def list_classes(self, names: Sequence[str]) -> None:
        """Add classes that are listed, also after the first label.

        Raises:
            DataError: as `AnnotationStore.add_class`.
        """
        for name in map(nfc, names):
            self.add_class(name)
        if names:
            self._listed = all_classes(self.project, self.store.record)

    def next(
        self,
        strategy: active_learning.Strategy,
        goal: str,
        *,
        candidates: Bool[np.ndarray, " n"],
        done: Bool[np.ndarray, " n"],
        seed: int,
        proposals: Proposals,
    ) -> tuple[int | None, str]:
        """Index of the image that a strategy, or its replacement, chooses; and the strategy used.

        Args:
            strategy: the preferred strategy; another replaces it while there are no features or proposals.
            goal: "mask" or "label": what is to be annotated.
            candidates: images to choose from.
            done: images that are annotated.
            seed: of the random strategy.
            proposals: masks with their certainty.
        """
        ids = self.project.data.ids
        index: int | None = None
        if strategy == "listed":
            return active_learning.listed(candidates), strategy
        if strategy == "random":
            return active_learning.random(candidates, seed=seed), strategy
        if strategy == "uncertain":
            index = active_learning.uncertain(ids, candidates, proposals.certainty)
        elif strategy == "influential":
            index = active_learning.influential(ids, candidates, proposals.influence)
        elif strategy == "balanced" and goal == "label":
            index = self._balanced(candidates, done)
        elif strategy == "typical":
            return self._on_features(strategy, candidates, done, seed)
        return self._on_features("diverse", candidates, done, seed) if index is None else (index, strategy)

    def _balanced(self, candidates: Bool[np.ndarray, " n"], done: Bool[np.ndarray, " n"]) -> int | None:
        """By the class names, as long as there are few labels; None: they were not listed first, or say nothing."""
        classes = all_classes(self.project, self.store.record)
        if classes != self._listed or len(classes) < 2 or done.sum() >= active_learning.FIRST_LABELS * len(classes):
            return None
        self._score_names(classes)
        scores = read_name_scores(self.project.folder, self.backbone)
        if scores is None or scores.classes != classes or scores.p_value > LEVEL:
            return None
        labels = np.where(done, self._labels(), -1)
        return active_learning.balanced(scores.rows(self.project.data.ids), labels, candidates)

    def _on_features(
        self,
        strategy: active_learning.Strategy,
        candidates: Bool[np.ndarray, " n"],
        done: Bool[np.ndarray, " n"],
        seed: int,
    ) -> tuple[int | None, str]:
        """As `next`, for the strategies on features; at random from the rarest class until there are features."""
        data, labels = self.project.data, self._labels()
        rows = FeatureFile(self.project.folder, self.backbone).rows
        if not rows or not (self._has_features() or all(name in rows for name in data.ids)):
            members = active_learning.rarest_class(labels, done, candidates)
            return active_learning.random(candidates if members is None else candidates & members, seed=seed), "random"
        unreadable = np.zeros_like(next(iter(rows.values())))
        features = np.stack([rows.get(name, unreadable) for name in data.ids]).astype(np.float64)
        choose = active_learning.typical if strategy == "typical" else active_learning.diverse
        return choose(features, active_learning.assign_classes(features, labels), done, candidates), strategy

    def _labels(self) -> Int[np.ndarray, " n"]:
        """Number of each image's class; -1: it has none."""
        classes = {name: i for i, name in enumerate(all_classes(self.project, self.store.record))}
        names = (effective_label(self.project, s, self.store[s.id]) for s in self.project.data.samples)
        return np.array([-1 if name is None else classes[name] for name in names], dtype=np.int64)

    def _has_features(self) -> bool:
        return self.feature_extraction is not None and self.feature_extraction.state == "done"

    def extract_features(self) -> None:
        """Start to compute image features, unless that is done or running."""
        with self._lock:
            if self.feature_extraction is None or self.feature_extraction.state in ("failed", "stopped"):
                request = {"work": "features", **self._request}
                self.feature_extraction = BackgroundProcess(request, lambda _: None)

    def _score_names(self, classes: tuple[str, ...]) -> None:
        """Start to score the class names, once for each list of classes, as soon as there are features."""
        with self._lock:
            if self._scored == classes or not self._has_features():
                return
            if self.name_scoring is not None:
                self.name_scoring.stop()
            self._scored = classes
            request = {"work": "names", "classes": list(classes), **self._request}
            self.name_scoring = BackgroundProcess(request, lambda _: None)

    def close(self) -> None:
        """Stop the background processes."""
        for job in (self.feature_extraction, self.name_scoring):
            if job is not None:
                job.stop()
