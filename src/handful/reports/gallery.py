"""Images for reports: embedded as PNG, with predicted maps over them; the worst mistakes, and examples."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image as Picture

from handful.core.dataset import Dataset, Image, Sample
from handful.core.result import Result
from handful.data.images import pixels
from handful.data.in_memory import fit_size
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.reports.overlay import paint_regions, palette

SHOWN = "shown-model"  # folder of the model that a report shows
SIDE = 192  # longest side of an embedded picture


@dataclass(frozen=True)
class Mistake:
    """A misclassified image: `wrong` of `scored` draws, the class it is mistaken for, and its mean probability."""

    id: str
    label: int
    predicted: int
    wrong: int
    scored: int
    confidence: float


@dataclass(frozen=True)
class CaptionedImage:
    """An image with its caption; `overlay` is the image with its predicted map, or "". Both are data URLs."""

    image: str
    overlay: str
    label: str
    predicted: str
    note: str = ""

    @property
    def right(self) -> bool:
        """Whether the prediction is the label."""
        return self.label == self.predicted


def worst_mistakes(result: Result, most: int = 12) -> list[Mistake]:
    """Misclassified images, sorted by the share of wrong draws, then by the probability of the wrong class."""
    scored: dict[str, list[tuple[int, np.ndarray]]] = {}
    for run in result.runs:
        for i, label, row in zip(run.ids, run.labels, run.probabilities, strict=True):
            scored.setdefault(i, []).append((int(label), row))
    mistakes = []
    for i, rows in scored.items():
        label = rows[0][0]
        predictions = [int(row.argmax()) for _, row in rows]
        others = [g for g in predictions if g != label]
        if others:
            predicted = max(sorted(set(others)), key=others.count)
            confidence = float(np.mean([row[predicted] for _, row in rows]))
            mistakes.append(Mistake(i, label, predicted, len(others), len(rows), confidence))
    mistakes.sort(key=lambda m: (-m.wrong / m.scored, -m.confidence, m.id))
    return mistakes[:most]


def examples(data: Dataset, ids: Sequence[str], most: int = 20) -> Dataset:
    """The first images of each class among `ids` in the order of their ids, so that none is hand-picked."""
    wanted = set(ids)
    each = max(1, min(2, most // len(data.classes)))
    taken: dict[int, int] = {}
    chosen = []
    for sample in sorted((s for s in data.samples if s.id in wanted), key=lambda s: s.id):
        label = -1 if sample.label is None else sample.label
        if taken.get(label, 0) < each:
            taken[label] = taken.get(label, 0) + 1
            chosen.append(sample)
    chosen.sort(key=lambda s: (-1 if s.label is None else s.label, s.id))
    return replace(data, samples=tuple(chosen[:most]))


def show_mistakes(mistakes: Sequence[Mistake], data: Dataset, classifier: Classifier | None) -> list[CaptionedImage]:
    """Mistakes as captioned images; those whose image is not in `data` are left out."""
    of_id = {s.id: s for s in data.samples}
    shown = [m for m in mistakes if m.id in of_id]
    part = replace(data, samples=tuple(of_id[m.id] for m in shown))
    painted = _painted(part, classifier)
    return [
        CaptionedImage(
            image=as_data_url(pixels(sample)),
            overlay=over,
            label=data.classes[m.label],
            predicted=data.classes[m.predicted],
            note=(f"{m.wrong} of {m.scored} draws, " if m.scored > 1 else "") + f"{100 * m.confidence:.0f} % confident",
        )
        for m, sample, over in zip(shown, part.samples, painted, strict=True)
    ]


def show_examples(part: Dataset, classifier: Classifier) -> list[CaptionedImage]:
    """Images with their predicted class and, for a classifier that segments, the predicted map."""
    predicted = classifier.predict(part.without_labels())
    return [
        CaptionedImage(as_data_url(pixels(sample)), over, part.classes[sample.label or 0], part.classes[int(label)])
        for sample, over, label in zip(part.samples, _painted(part, classifier), predicted, strict=True)
    ]


def legend(classes: Sequence[str]) -> list[tuple[str, str]]:
    """Each class with its color in the overlays."""
    return [
        (name, f"rgb({r} {g} {b})") for name, (r, g, b) in zip(classes, palette(len(classes)).tolist(), strict=True)
    ]


def as_data_url(image: Image, side: int = SIDE) -> str:
    """An image as a data URL, its longest side at most `side` pixels.

    Small images keep their pixels (PNG); those of over 192 pixels are JPEG.
    """
    picture = Picture.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    if max(picture.size) > side:
        picture.thumbnail((side, side), Picture.Resampling.LANCZOS)
    file = io.BytesIO()
    if max(picture.size) > SIDE:
        picture.save(file, "JPEG", quality=85)
        return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    picture.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _painted(part: Dataset, classifier: Classifier | None) -> list[str]:
    if classifier is None or not len(part):
        return [""] * len(part)
    colors = palette(len(part.classes))
    urls = []
    try:
        for sample, pixel in zip(part.samples, classifier.maps(part.without_labels()), strict=True):
            regions = np.asarray(pixel.argmax(axis=0))
            urls.append(as_data_url(paint_regions(_fitted(sample, classifier), regions, colors)))
    except ModelError:  # its head does not segment
        return [""] * len(part)
    return urls


def _fitted(sample: Sample, classifier: Classifier) -> Image:
    return fit_size(pixels(sample), classifier.size, classifier.recipe.resize)
