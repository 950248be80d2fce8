"""Cost of a mask with each tool of `handful annotate`: modelled seconds, and agreement with the hand masks.

A scripted hand draws the true mask with the page's tools, missing by a millimetre, on an image 20 cm high. Seconds are
the keystroke-level model's (Card, Moran and Newell 1980): 1.35 s to prepare an action, 1.1 s to point, 0.1 s to press,
0.9 s for each straight piece of what is drawn and 0.16 s for each cm. Nobody was timed: what counts are the ratios
between tools; the CvS paper's 29.5 s for a person's mask check no more than the order of magnitude.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from skimage.morphology import skeletonize

from bench.support.data import cells_once, hrf
from bench.support.options import Options
from bench.support.record import append
from bench.tables.cvs_cells import SETTINGS
from handful.annotation.tools import interactive
from handful.annotation.tools.prompts import Prompt
from handful.core.dataset import Dataset, Image, Mask
from handful.core.recipe import Recipe
from handful.data import splits
from handful.data.images import pixels
from handful.data.masks.quality import iou
from handful.evaluation.intervals import mean_interval
from handful.recipes.load import load_recipe
from handful.training.train import train

PREPARE, POINT, PRESS, KEY, PIECE, CENTIMETRE = 1.35, 1.1, 0.1, 0.2, 0.9, 0.16  # seconds
HEIGHT = 20.0  # cm of the image on the screen
MISS = 0.1  # cm that the hand is off by, standard deviation
FIT = 0.15  # cm that straight pieces may be off the line that is meant
THIN = 0.5  # cm; what is narrower is traced along its middle, zoomed in: a quarter of its width fits, a tenth is missed
SMALLEST = 0.2  # cm; nobody draws what is smaller
ENOUGH, MOST = 0.95, 5  # IoU from which nothing is corrected any more, and corrections at most
SEG = 5  # hand masks per class that the propagated ones come from

Line = Float[np.ndarray, "m 2"]


@dataclass
class Hand:
    """Draws on one image; `seconds` adds up what it takes."""

    image: Image
    rng: np.random.Generator
    seconds: float = 0.0
    cm: float = field(init=False)  # of a pixel

    def __post_init__(self) -> None:
        self.cm = HEIGHT / self.image.shape[1]

    def draw(self, line: Line, *, closed: bool = False, width: float = np.inf, fit: float = FIT) -> Line:
        """A stroke of so many pixels' width along a line of pixels, as it came out."""
        given = line.astype(np.float32).reshape(-1, 1, 2)
        fit, miss = min(fit / self.cm, width / 4), min(MISS / self.cm, width / 10)
        pieces = cv2.approxPolyDP(given, fit, closed).reshape(-1, 2).astype(np.float64)
        steps = np.diff(np.concatenate([pieces, pieces[:1]]) if closed else pieces, axis=0)
        length = float(np.hypot(steps[:, 0], steps[:, 1]).sum()) * self.cm
        self.seconds += PREPARE + POINT + PRESS + PIECE * max(1, len(steps)) + CENTIMETRE * length
        return pieces + self.rng.normal(0, miss, pieces.shape)

    def click(self) -> None:
        """One click on a place, such as one that fills an outline."""
        self.seconds += POINT + PRESS

    def press(self) -> None:
        """A key, such as the one that accepts a mask."""
        self.seconds += PREPARE + KEY


def brush(hand: Hand, truth: Mask) -> Mask:
    """Nothing but the brush: outlines, filled with a click; what is thin is traced along its middle."""
    return _paint(hand, np.zeros(truth.shape, dtype=np.uint8), truth, value=1).astype(bool)


def grabcut(hand: Hand, truth: Mask) -> Mask:
    """A box, and what GrabCut takes for the object in it."""
    return interactive.grabcut(hand.image, (_box(hand, truth),))


def grabcut_strokes(hand: Hand, truth: Mask) -> Mask:
    """A box, then strokes over what GrabCut has wrong, a new cut after each."""
    marks: list[Prompt] = [_box(hand, truth)]
    mask = interactive.grabcut(hand.image, tuple(marks))
    for _ in range(MOST):
        wrong = _largest(mask ^ truth)
        if iou(mask, truth) >= ENOUGH or not _drawable(wrong, hand):
            break
        middle = max(_branches(wrong), key=len)
        width = max(1.0, float(cv2.distanceTransform(wrong.astype(np.uint8), cv2.DIST_L2, 3).max()))
        line = hand.draw(middle, width=width)
        points = tuple((float(x), float(y)) for x, y in line)
        marks.append(Prompt("scribble", points, bool(truth[wrong].mean() > 0.5), width))
        mask = interactive.grabcut(hand.image, tuple(marks), current=mask)
    return mask


def superpixels(hand: Hand, truth: Mask) -> Mask:
    """The brush sweeps over the superpixels that are more than half the object's, row by row; each is about 1 cm."""
    small = interactive.superpixels(hand.image, count=400)
    rows, columns = (np.arange(n) * m // n for n, m in zip(truth.shape, small.shape, strict=True))
    labels = small[rows][:, columns]
    share = np.bincount(labels.ravel(), truth.ravel()) / np.maximum(1, np.bincount(labels.ravel()))
    mask = share[labels] > 0.5
    count, parts = cv2.connectedComponents(mask.astype(np.uint8))
    for part in range(1, count):
        own = np.unique(labels[parts == part])
        middles = np.array([np.argwhere(labels == label).mean(axis=0)[::-1] for label in own])
        hand.draw(_sweep(middles, 1 / hand.cm), fit=0.5)
    return np.asarray(mask)


def random_walker(hand: Hand, truth: Mask) -> Mask:
    """A loop in the object, halfway to its middle, and one around it."""
    deep = cv2.distanceTransform(truth.astype(np.uint8), cv2.DIST_L2, 3)
    gap = 2 * round(0.5 / hand.cm) + 1
    around = cv2.dilate(truth.astype(np.uint8), np.ones((gap, gap), dtype=np.uint8))
    inside, outside = (hand.draw(_outline(part)) for part in (deep > deep.max() / 2, around.astype(bool)))
    width = max(1.0, 0.2 / hand.cm)
    lines = ((inside, True), (outside, False))
    marks = (Prompt("scribble", tuple((float(x), float(y)) for x, y in line), own, width) for line, own in lines)
    return interactive.random_walker(hand.image, tuple(marks))


def accepted(hand: Hand, truth: Mask, proposed: Mask) -> Mask:  # noqa: ARG001
    """The propagated mask as it is, taken with a key."""
    hand.press()
    return proposed


def corrected(hand: Hand, truth: Mask, proposed: Mask) -> Mask:
    """The propagated mask, what it has wrong painted over piece by piece, the largest first."""
    hand.press()
    now = proposed.astype(np.uint8)
    for _ in range(MOST):
        wrong = _largest(now.astype(bool) ^ truth)
        if iou(now.astype(bool), truth) >= ENOUGH or not _drawable(wrong, hand):
            break
        now = _paint(hand, now, wrong, value=int(truth[wrong].mean() > 0.5))
    return now.astype(bool)


ALONE: Mapping[str, Callable[[Hand, Mask], Mask]] = {
    "brush": brush,
    "GrabCut, a box": grabcut,
    "GrabCut, a box and strokes": grabcut_strokes,
    "superpixels": superpixels,
    "random walker": random_walker,
}
GIVEN: Mapping[str, Callable[[Hand, Mask, Mask], Mask]] = {
    "propagated, as it is": accepted,
    "propagated, corrected": corrected,
}


def run(options: Options) -> None:
    """Every tool on cells and on fundus photographs, whose masks are the vessels."""
    steps = ("steps=4",) if options.quick else ()
    seg = load_recipe("cvs-lite0", overrides=(*SETTINGS, *steps))
    blood = cells_once(options.folder())
    _measure("white blood cells", blood, seg, 1 if options.quick else 15, tuple(ALONE), quick=options.quick)
    seg = load_recipe("cvs-lite0", overrides=("image_size=[256, 256]", "batch_size=8", *(steps or ("steps=120",))))
    tools = tuple(name for name in ALONE if name != "random walker")  # a ring around each vessel is no tool
    _measure("fundus photographs", hrf(options.folder()), seg, 1 if options.quick else 4, tools, quick=options.quick)


def _measure(called: str, data: Dataset, seg: Recipe, per_class: int, tools: Sequence[str], *, quick: bool) -> None:
    """The tools on some images per class, none of which the segmenter has seen."""
    chosen, rest = splits.draw(data, SEG, 0)
    drawn, _ = splits.draw(rest, per_class, 0)
    classifier = train(seg, chosen, seed=0, progress=False)
    cases = []
    for sample, maps in zip(drawn.samples, classifier.maps(drawn), strict=True):
        truth = sample.mask
        assert truth is not None
        cases.append((pixels(sample), truth, classifier.own_size(maps.argmax(axis=0) > 0, truth.shape)))
    print(f"\n{called}, {len(cases)} images")
    for name in (*tools, *GIVEN):
        rows = []
        for i, (image, truth, proposed) in enumerate(cases):
            hand = Hand(image, np.random.default_rng(i))
            mask = ALONE[name](hand, truth) if name in ALONE else GIVEN[name](hand, truth, proposed)
            rows.append((hand.seconds, iou(mask, truth)))
        _tell(called, name, np.array(rows), quick=quick)


def _tell(called: str, tool: str, rows: Float[np.ndarray, "n 2"], *, quick: bool) -> None:
    line: dict[str, Any] = {"data": called, "tool": tool, "images": len(rows)}
    for what, values in zip(("seconds", "iou"), rows.T, strict=True):
        low, high, _ = mean_interval(values)
        line |= {what: float(values.mean()), f"{what}_low": float(low), f"{what}_high": float(high)}
    line["iou_worst"] = float(rows[:, 1].min())
    print(f"{tool:<28} {line['seconds']:>7.1f} s   IoU {line['iou']:.3f}, worst {line['iou_worst']:.3f}")
    append("annotate-tools", {k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}, quick=quick)


def _paint(hand: Hand, now: UInt8[np.ndarray, "h w"], part: Mask, *, value: int) -> UInt8[np.ndarray, "h w"]:
    """What is there after a part of the image was painted with a value."""
    now = now.copy()
    outlines, kinds = cv2.findContours(part.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    around = sum(cv2.arcLength(line, True) for line in outlines)
    if 2 * np.count_nonzero(part) / max(1.0, around) * hand.cm < THIN:
        deep = cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 3)
        for middle in _branches(part):
            if len(middle) * hand.cm >= SMALLEST:
                columns, rows = middle.astype(int).T
                width = max(1.0, 2 * float(deep[rows, columns].mean()) - 1)
                at = hand.draw(middle, width=width)
                cv2.polylines(now, [np.rint(at).astype(np.int32)], False, value, thickness=round(width))
        return now
    for line, kind in zip(outlines, kinds[0], strict=True):
        hole = kind[3] >= 0
        if cv2.contourArea(line) * hand.cm**2 >= SMALLEST**2:
            at = hand.draw(line.reshape(-1, 2).astype(np.float64), closed=True)
            hand.click()
            cv2.fillPoly(now, [np.rint(at).astype(np.int32)], 1 - value if hole else value)
    return now


def _box(hand: Hand, truth: Mask) -> Prompt:
    rows, columns = np.nonzero(truth)
    corners = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]], dtype=np.float64)
    (x1, y1), (x2, y2) = hand.draw(corners)
    return Prompt("box", ((float(x1), float(y1)), (float(x2), float(y2))))


def _branches(part: Mask) -> list[Line]:
    """The middle lines of a part, from fork to fork, as pixels x, y in their order."""
    middle = skeletonize(part)
    inner = middle.astype(np.uint8)
    ring = np.ones((3, 3), dtype=np.float32)
    near = cv2.filter2D(inner.astype(np.float32), -1, ring, borderType=cv2.BORDER_CONSTANT) - 1
    pieces = (middle & (near <= 2)).astype(np.uint8) if (middle & (near <= 2)).any() else inner
    ends = cv2.filter2D(pieces.astype(np.float32), -1, ring, borderType=cv2.BORDER_CONSTANT) - 1
    lines = []
    for walk in cv2.findContours(pieces, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:  # there and back again
        around = walk.reshape(-1, 2)
        first = np.flatnonzero(ends[around[:, 1], around[:, 0]] <= 1)
        start = np.roll(around, -int(first[0]) if len(first) else 0, axis=0)
        lines.append(start[: len(start) // 2 + 1].astype(np.float64))
    return lines


def _outline(part: Mask) -> Line:
    """The longest outline of a part."""
    lines = cv2.findContours(part.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    return max(lines, key=len).reshape(-1, 2).astype(np.float64)


def _largest(wrong: Mask) -> Mask:
    """The largest connected piece."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8))
    if count < 2:
        return np.zeros_like(wrong)
    return np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))


def _drawable(part: Mask, hand: Hand) -> bool:
    return bool(np.count_nonzero(part) * hand.cm**2 >= SMALLEST**2)


def _sweep(points: Line, step: float) -> Line:
    """The points row by row, there and back again; a row is `step` pixels high."""
    row = (points[:, 1] // step).astype(int)
    return points[np.lexsort((np.where(row % 2, -points[:, 0], points[:, 0]), row))]
