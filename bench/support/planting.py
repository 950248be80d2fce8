"""Plant faults in real images: duplicates, wrong labels, frames of one film, colored borders."""

import io
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image as Picture

from handful.core.dataset import Dataset, Image, Sample
from handful.data.images import pixels

KINDS = ("exact", "re-encoded", "resized", "brightness")
SHARE = 0.04  # of the labels are swapped
FRAMES = 4  # of a film


def in_memory(data: Dataset, most: int, rng: np.random.Generator) -> Dataset:
    """So many labelled training images at random, decoded, under names that tell nothing."""
    rows = [i for i, s in enumerate(data.samples) if s.split != "test" and s.label is not None]
    picked = rng.permutation(rows)[:most]
    samples = (replace(data.samples[i], image=pixels(data.samples[i]), split=None) for i in picked)
    return replace(data, samples=tuple(replace(s, id=f"{n:05d}") for n, s in enumerate(samples)))


def with_copies(data: Dataset, each: int, rng: np.random.Generator) -> tuple[Dataset, dict[str, list[tuple[int, int]]]]:
    """`each` copies of every kind at the end, and the positions of the pairs."""
    planted: dict[str, list[tuple[int, int]]] = {kind: [] for kind in KINDS}
    samples = list(data.samples)
    picked = rng.permutation(len(data))[: each * len(KINDS)]
    for n, i in enumerate(picked):
        kind = KINDS[n % len(KINDS)]
        planted[kind].append((int(i), len(samples)))
        samples.append(
            replace(data.samples[i], id=f"{len(samples):05d}", image=copy(pixels(data.samples[i]), kind, rng))
        )
    return replace(data, samples=tuple(samples)), planted


def copy(image: Image, kind: str, rng: np.random.Generator) -> Image:
    """The picture as it is; as a JPEG of quality 60 to 90; at 0.5 to 1.5 times its size (0.7 at least below 50
    pixels); or with contrast times 0.8 to 1.2 and brightness up to 25 grey values more or less.
    """
    flat = np.ascontiguousarray(image.transpose(1, 2, 0))
    if kind == "re-encoded":
        file = io.BytesIO()
        Picture.fromarray(flat).save(file, "JPEG", quality=int(rng.integers(60, 91)))
        flat = np.asarray(Picture.open(file).convert("RGB"))
    elif kind == "resized":
        scale = rng.uniform(0.7 if min(flat.shape[:2]) < 50 else 0.5, 1.5)
        flat = np.asarray(
            cv2.resize(flat, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        )
    elif kind == "brightness":
        flat = np.clip(flat * rng.uniform(0.8, 1.2) + rng.uniform(-25, 25), 0, 255).astype(np.uint8)
    return np.array(flat.transpose(2, 0, 1), order="C")


def with_wrong_labels(data: Dataset, rng: np.random.Generator) -> tuple[Dataset, set[str]]:
    """A share of the labels changed to another class at random, and whose."""
    wrong = set(rng.permutation(len(data))[: max(1, round(SHARE * len(data)))].tolist())
    k = len(data.classes)
    samples = tuple(
        replace(s, label=int((s.label + rng.integers(1, k)) % k)) if i in wrong and s.label is not None else s
        for i, s in enumerate(data.samples)
    )
    return replace(data, samples=samples), {data.samples[i].id for i in wrong}


def films(data: Dataset, count: int, rng: np.random.Generator, *, alike: bool) -> Dataset:
    """Images named p007_2, four of a number; with `alike` these are crops of one picture, else of one class only."""
    samples: list[Sample] = []
    for film, i in enumerate(rng.permutation(len(data))[:count]):
        first = data.samples[i]
        mates = [s for s in data.samples if s.label == first.label]
        for frame in range(FRAMES):
            source = first if alike else mates[int(rng.integers(len(mates)))]
            samples.append(replace(source, id=f"p{film:03d}_{frame}", image=_crop(pixels(source), rng), mask=None))
    return replace(data, samples=tuple(samples))


def _crop(image: Image, rng: np.random.Generator) -> Image:
    """Four fifths of each side at a random place, turned by up to 15 degrees, a little brighter or darker."""
    _, h, w = image.shape
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), float(rng.uniform(-15, 15)), 1.0)
    turned = cv2.warpAffine(np.ascontiguousarray(image.transpose(1, 2, 0)), turn, (w, h), borderMode=cv2.BORDER_REFLECT)
    ch, cw = round(0.8 * h), round(0.8 * w)
    top, left = int(rng.integers(h - ch + 1)), int(rng.integers(w - cw + 1))
    cut = np.asarray(turned)[top : top + ch, left : left + cw] * rng.uniform(0.9, 1.1)
    return np.array(np.clip(cut, 0, 255).astype(np.uint8).transpose(2, 0, 1), order="C")


def with_borders(data: Dataset, strength: float, rng: np.random.Generator) -> Dataset:
    """A frame of a color per class, a twenty-fifth of the shorter side wide, laid over with this strength."""
    colors = np.random.default_rng(0).integers(0, 256, (len(data.classes), 3))
    samples = []
    for sample in data.samples:
        image = pixels(sample).astype(np.float64)
        _, h, w = image.shape
        width = max(1, round(min(h, w) / 25))
        frame = np.ones((h, w), dtype=bool)
        frame[width : h - width, width : w - width] = False
        color = colors[sample.label or 0] + rng.normal(scale=15, size=3)
        image[:, frame] = (1 - strength) * image[:, frame] + strength * color[:, None]
        samples.append(replace(sample, image=np.clip(image, 0, 255).astype(np.uint8)))
    return replace(data, samples=tuple(samples))


def with_noise(data: Dataset, share: float, rng: np.random.Generator, *, pairwise: bool) -> Dataset:
    """A share of the labels changed to another class at random, or with `pairwise` to the next one."""
    wrong = set(rng.permutation(len(data))[: round(share * len(data))].tolist())
    k = len(data.classes)
    shifts = np.ones(len(data), int) if pairwise else rng.integers(1, k, len(data))
    samples = (
        replace(s, label=int((s.label + shifts[i]) % k)) if i in wrong and s.label is not None else s
        for i, s in enumerate(data.samples)
    )
    return replace(data, samples=tuple(samples))
