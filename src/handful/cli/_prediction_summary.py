"""What to look at in predictions: the doubtful images by name, classes never predicted, and known confusions."""

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappush, heappushpop
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from handful.cli._model_quality import CARD, Confusion, known_confusions
from handful.core.file_names import printable
from handful.core.text import in_words, share_of

if TYPE_CHECKING:
    from handful.deployment.predict_table import PredictedChunk
    from handful.deployment.table_files import Columns

DOUBTFUL = 0.7  # probability below which an image is doubtful
MOST = 5  # images and confusions that are named
UNKNOWN = 0.05  # share of an image's pixels from which on it is said to show something unknown
EXPECTED = 3  # images of a class, were all equally frequent, from which on it is odd that it is never predicted


class _Named(NamedTuple):
    """An image, how much it is worth a look, and why."""

    rank: float
    name: str
    reason: str


class _Worst:
    """Counts images, and keeps those of the highest rank."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[_Named] = []

    def add(self, image: _Named) -> None:
        """One more."""
        self.count += 1
        (heappush if len(self._kept) < MOST else heappushpop)(self._kept, image)

    def of(self, total: int) -> str:
        """How many of how many, and which."""
        if not self.count:
            return f"none of {total}."
        shown = sorted(self._kept, reverse=True)
        named = "; ".join(f"{printable(image.name)} ({image.reason})" for image in shown)
        more = f"; and {self.count - len(shown)} more" if self.count > len(shown) else ""
        return f"{self.count} of {total}: {named}{more}."


class PredictionSummary:
    """Counts predictions as they pass, and keeps the least probable ones.

    Args:
        classes: the model's.
        unit: what a row is: "images", or "groups" of them.

    Attributes:
        learned: number of images that the model was trained on.
    """

    def __init__(self, classes: tuple[str, ...], *, unit: str = "images") -> None:
        self.classes, self.unit = classes, unit
        self.counts: Counter[str] = Counter()
        self.labelled = self.right = self.learned = 0
        self.images = 0  # with a prediction; of several labels each, fewer or more than labels
        self.doubtful, self.unknown = _Worst(), _Worst()
        self.finds_unknown = False
        self.several = self.numbers = False

    def observe(self, chunks: "Iterable[PredictedChunk]") -> "Iterator[PredictedChunk]":
        """The same chunks, each counted as it passes."""
        for chunk in chunks:
            self._add(chunk)
            yield chunk

    def sentences(self, card: CARD) -> list[str]:
        """What to look at; nothing where nothing was predicted."""
        if not self.images:
            return []
        if self.numbers:
            return [text for text in (self._learned(),) if text]
        if self.several:
            return [text for text in (self._learned(), self._never()) if text]
        texts = [self._learned(), self._labels(), self._doubtful(), self._regions(), self._never()]
        texts += [self._confused(card), self._advice()]
        return [text for text in texts if text]

    def _add(self, chunk: "PredictedChunk") -> None:
        from handful.deployment.label_lists import has_numbers

        columns = chunk.columns
        if has_numbers(columns):
            self.several = self.numbers = True
            self.images += len(columns["id"])
            return
        if "labels" in columns:
            self._add_several(columns)
            return
        names, predictions = columns["id"], columns["prediction"]
        probabilities = np.asarray(columns["probability"], np.float64)
        self.counts.update(p for p in predictions if p is not None)
        self.images += sum(p is not None for p in predictions)
        known = [(a, b) for a, b in zip(columns.get("label", ()), predictions, strict=False) if a in self.classes and b]
        self.labelled += len(known)
        self.right += sum(a == b for a, b in known)
        for i in np.flatnonzero(probabilities < DOUBTFUL):
            sure = float(probabilities[i])
            self.doubtful.add(_Named(-sure, str(names[i]), f"{predictions[i]}, {100 * sure:.1f} %"))
        self.finds_unknown |= "unknown_share" in columns
        shares = np.asarray(columns.get("unknown_share", ()), np.float64)
        for i in np.flatnonzero(shares >= UNKNOWN):
            self.unknown.add(_Named(float(shares[i]), str(names[i]), f"{100 * shares[i]:.0f} %"))

    def _add_several(self, columns: "Columns") -> None:
        from handful.deployment.label_lists import names_by_row

        self.several = True
        rows = names_by_row(columns)
        self.counts.update(name for row in rows for name in row if name is not None)
        self.images += sum(None not in row for row in rows)

    def _learned(self) -> str:
        if not self.learned:
            return ""
        total = "" if self.several or self.unit != "images" else f"{max(self.counts.total(), self.learned):,} "
        are = "is one" if self.learned == 1 else "are among those"
        known = f"{self.learned:,} of these {total}images {are} that the model learned from"
        return f"{known}: on new ones it {'errs more' if self.numbers else 'is right less often'}."

    def _labels(self) -> str:
        if not self.labelled:
            return ""
        share = f"{100 * self.right / self.labelled:.1f} %"
        return f"{self.right} of {self.labelled} have the class of their label ({share})."

    def _doubtful(self) -> str:
        total = self.counts.total()
        if not self.doubtful.count and total <= 1:
            return ""
        return f"Doubtful (under {100 * DOUBTFUL:.0f} %): {self.doubtful.of(total)}"

    def _regions(self) -> str:
        """Images with regions of something that was never taught."""
        if not self.finds_unknown:
            return ""
        drawn = " --maps FOLDER draws them." if self.unknown.count else ""
        return f"Unknown regions (over {100 * UNKNOWN:.0f} % of the image): {self.unknown.of(self.images)}{drawn}"

    def _missing(self) -> list[str]:
        if self.images < EXPECTED * len(self.classes):
            return []
        return [name for name in self.classes if not self.counts[name]]

    def _never(self) -> str:
        missing = self._missing()
        return f"Never predicted: {', '.join(missing)}, of {self.images} {self.unit}." if missing else ""

    def _confused(self, card: CARD) -> str:
        """The confusions that may be among these predictions; those of classes that are never predicted first."""
        missing = self._missing()
        rows = [row for row in known_confusions(card) if self.counts[row.predicted]]
        rows.sort(key=lambda row: row.label not in missing)
        if not rows:
            return ""
        return f"Known to confuse: {'; '.join(map(self._confusion, rows[:MOST]))}."

    def _confusion(self, row: Confusion) -> str:
        count = self.counts[row.predicted]
        label, predicted = in_words(row.label), in_words(row.predicted)
        return f"{label} is taken for {predicted} in {share_of(row.share, 100)} ({count} here are called that)"

    def _advice(self) -> str:
        if not self.doubtful.count and not self.unknown.count and not self._missing():
            return ""
        return (
            f"What to do: look at these {self.unit}. Those that are wrong are worth most as new training images: give "
            "them their label (the folder of their class, or a row of the table) and train again."
        )
