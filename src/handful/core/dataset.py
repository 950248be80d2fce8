"""The dataclasses `Sample` and `Dataset`; they need no PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Int, Int16, Shaped, UInt8

from handful.core.hierarchy import Tree
from handful.core.kind import Kind, no_single_label
from handful.core.left_out import LeftOut
from handful.core.pixel_range import PixelRange
from handful.errors import DataError

Image = UInt8[np.ndarray, "3 h w"]
DeepImage = Shaped[np.ndarray, "c h w"]  # more than 8 bits per channel; 1, 3 or 4 channels
Mask = Bool[np.ndarray, "h w"]
MaskLabels = Int16[np.ndarray, "h w"]
Split = Literal["train", "val", "test"]


@dataclass(frozen=True, eq=False)
class Sample:
    """One image with its label, mask, group and split.

    Attributes:
        id: unique in its data set: the path below the root, or an index.
        image: a file, or the pixels, channels first: uint8 RGB, or the values of a deep image.
        label: index into `Dataset.classes`; None: unlabelled.
        mask: True on the foreground, at the image's own size (after EXIF rotation).
        mask_source: origin of the mask: "hand", "binarize", "grabcut", "salient", "cut" or "propagated".
        group: samples of one group (e.g. a patient) are never on two sides of a split.
        split: the split that the data assign it to.
        pixel_range: how a deep image is scaled to 8 bits; None: 16-bit integers have their full range, and floats are
            in [0, 1]. It does not concern images of 8 bits.
        target: of multilabel data, in place of `label`: for each class 1 (present), 0 (absent) or NaN (unknown); of
            numbers, the value of each quantity, or NaN. None: unlabelled.
        known: the pixels that the mask speaks of, where it is partial (scribbles, points, a box), of the mask's size;
            losses ignore the others. None: all.
        mask_labels: of multilabel data whose masks tell classes apart: class + 1 of each pixel of the mask, or k + 1
            for one of those that the image shows; 0 elsewhere. None: the mask tells objects from background alone.
        probabilities: of each class, in place of the one label, such as the shares of several annotators' votes: losses
            learn these. `label` is then the class that the image is drawn and scored as. Of multiclass data.
        weight: factor of the image's loss in training, 0 or more. Scores do not count it.
        candidates: the classes of which the image shows one, True there, where its label names a group of classes:
            training learns that it is one of these. `label` is then None, and the image is never drawn or scored. Of
            multiclass data.
        text: words beside the image, such as a caption or tags, for `prepare/clean_by_text`; None: none.
        bag: the bag that it lies in, such as a slide, of data whose labels belong to bags; `label` is then the bag's.

    Example:
        >>> import numpy as np
        >>> from handful import Sample
        >>> image = np.zeros((3, 16, 16), dtype=np.uint8)
        >>> Sample("photos/1.png", image, label=0).split is None
        True
    """

    id: str
    image: Path | Image | DeepImage
    label: int | None = None
    mask: Mask | None = None
    mask_source: str | None = None
    group: str | None = None
    split: Split | None = None
    pixel_range: PixelRange | None = None
    target: Float32[np.ndarray, " k"] | None = None
    known: Mask | None = None
    probabilities: Float32[np.ndarray, " k"] | None = None
    weight: float = 1.0
    text: str | None = None
    bag: str | None = None
    candidates: Bool[np.ndarray, " k"] | None = None
    mask_labels: MaskLabels | None = None

    def without_mask(self) -> "Sample":
        """The sample without its mask."""
        return replace(self, mask=None, mask_source=None, known=None, mask_labels=None)

    @property
    def labelled(self) -> bool:
        """Whether something is known: the label, or an entry of the target; candidates alone are no label."""
        return self.label is not None or (self.target is not None and not bool(np.isnan(self.target).all()))

    @property
    def shows_none(self) -> bool:
        """Of multilabel data: whether each class is known to be absent."""
        return self.target is not None and not bool((self.target != 0).any())

    @property
    def supervised(self) -> bool:
        """Whether training learns something of its class: it is labelled, or has candidates."""
        return self.labelled or self.candidates is not None

    def __repr__(self) -> str:
        """The id and what is known of the image, without its pixels."""
        size = "" if isinstance(self.image, Path) else f", {self.image.shape[1]}x{self.image.shape[2]}"
        known = [f"{name}={value!r}" for name in _SHOWN if (value := getattr(self, name)) is not None]
        if self.target is not None:
            known.append(f"target={['?' if np.isnan(v) else int(v) if v == int(v) else float(v) for v in self.target]}")
        known += ["probabilities"] if self.probabilities is not None else []
        known += [] if self.candidates is None else [f"candidates={np.flatnonzero(self.candidates).tolist()}"]
        known += ["mask"] if self.mask is not None else []
        return f"Sample({', '.join([repr(self.id), *known])}{size})"


_SHOWN = ("label", "group", "split", "bag")  # in a sample's repr


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples and the sorted class names.

    Attributes:
        samples: the samples.
        classes: class names in sorted order.
        left_out: what the reader did not use; it says nothing about the samples.
        segmenter_saw: digests of the images that the model behind the "propagated" masks was trained on; None: unknown,
            so that it may have seen all of them.
        kind: "multiclass", one class per image in `Sample.label`; "multilabel", any number in `Sample.target`;
            "number", values of quantities in `Sample.target`, whose names are the `classes`; or "bag", one class per
            bag of images, in `Sample.label` of each of them.
        tree: of groups and classes, where labels were read with one: scores then count groups, too; None: no tree.

    Example:
        >>> import numpy as np
        >>> from handful import Dataset, Sample
        >>> images = np.random.default_rng(0).integers(0, 256, (6, 3, 16, 16), dtype=np.uint8)
        >>> samples = tuple(Sample(f"{i}.png", image, label=i % 2) for i, image in enumerate(images))
        >>> Dataset(samples, ("cat", "dog")).counts.tolist()
        [3, 3]
    """

    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    segmenter_saw: frozenset[str] | None = None
    kind: Kind = "multiclass"
    tree: Tree | None = None

    def __repr__(self) -> str:
        """How many images, of which classes and size; files are not opened for it."""
        sizes = {None if isinstance(s.image, Path) else s.image.shape[1:] for s in self.samples}
        counts = [f"{len(self)} image{'' if len(self) == 1 else 's'}"]
        counts.append(self.count_of_classes)
        if len(sizes) == 1 and None not in sizes:
            h, w = next(size for size in sizes if size is not None)
            counts.append(f"{h}x{w}")
        for what, number in (
            ("without a label", sum(not s.supervised for s in self.samples)),
            ("with candidate labels", sum(s.candidates is not None for s in self.samples)),
            ("with a mask", sum(s.mask is not None for s in self.samples)),
        ):
            counts += [f"{number} {what}"] if number else []
        return f"Dataset({', '.join(counts)})"

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def count_of_classes(self) -> str:
        """How many classes there are, or quantities of numbers, as "3 classes" or "1 quantity"."""
        one, more = ("quantity", "quantities") if self.kind == "number" else ("class", "classes")
        return f"{len(self.classes)} {one if len(self.classes) == 1 else more}"

    @property
    def labels(self) -> Int[np.ndarray, " n"]:
        """Label of each sample, int64; -1 without a label.

        Raises:
            DataError: the data are multilabel, numbers or bags.
        """
        if self.kind != "multiclass":
            raise no_single_label(self.kind, self.classes)
        return np.array([-1 if s.label is None else s.label for s in self.samples], dtype=np.int64)

    @property
    def counts(self) -> Int[np.ndarray, " k"]:
        """Labelled samples of each class: of multilabel data, those that show it; of numbers, those with a value.

        Of bags, the bags of each class.
        """
        if self.kind == "bag":
            of_bags = {s.bag: s.label for s in self.samples if s.label is not None}
            return np.bincount(np.array([*of_bags.values()], dtype=np.int64), minlength=len(self.classes))
        if self.kind == "number":
            return np.asarray((~np.isnan(self.targets())).sum(axis=0), dtype=np.int64)
        if self.kind == "multilabel":
            return np.asarray((self.targets() == 1).sum(axis=0), dtype=np.int64)
        labels = self.labels
        return np.bincount(labels[labels >= 0], minlength=len(self.classes))

    @property
    def absents(self) -> Int[np.ndarray, " k"]:
        """Number of labelled samples that are known not to show each class."""
        return np.asarray((self.targets() == 0).sum(axis=0), dtype=np.int64)

    def targets(self) -> Float32[np.ndarray, "n k"]:
        """What is known of each sample: 1 for a class it shows, 0 for one it does not, or its numbers; NaN: unknown."""
        rows = np.full((len(self), len(self.classes)), np.nan, dtype=np.float32)
        for row, sample in zip(rows, self.samples, strict=True):
            if sample.target is not None:
                row[:] = sample.target
            elif sample.label is not None:
                row[:] = 0
                row[sample.label] = 1
        return rows

    @property
    def has_probabilities(self) -> bool:
        """Whether some samples have class probabilities in place of one label."""
        return any(s.probabilities is not None for s in self.samples)

    @property
    def has_weights(self) -> bool:
        """Whether some samples have a weight other than 1."""
        return any(s.weight != 1 for s in self.samples)

    def probabilities(self) -> Float32[np.ndarray, "n k"]:
        """Class probabilities of each sample: 1 for a label; a row of zeros without one."""
        rows: Float32[np.ndarray, "n k"] = np.nan_to_num(self.targets())
        for row, sample in zip(rows, self.samples, strict=True):
            if sample.label is not None and sample.probabilities is not None:
                row[:] = sample.probabilities
        return rows

    @property
    def has_candidates(self) -> bool:
        """Whether some samples have candidates in place of a label."""
        return any(s.candidates is not None for s in self.samples)

    def candidates(self) -> Bool[np.ndarray, "n k"]:
        """The candidates of each sample; a row of False without any."""
        rows = np.zeros((len(self), len(self.classes)), dtype=bool)
        for row, sample in zip(rows, self.samples, strict=True):
            if sample.candidates is not None:
                row[:] = sample.candidates
        return rows

    @property
    def ids(self) -> tuple[str, ...]:
        """Id of each sample."""
        return tuple(s.id for s in self.samples)

    def select(self, indices: Sequence[int] | np.ndarray) -> "Dataset":
        """The samples at these positions, in this order; or those where a mask of n booleans is True.

        Raises:
            DataError: a mask of another length, or positions that are not whole numbers.
        """
        return replace(self, samples=tuple(self.samples[i] for i in _positions(indices, len(self))))

    def without_labels(self) -> "Dataset":
        """The images alone, with ids, bags and splits.

        Labels, targets, class probabilities, candidates, masks, groups, weights and words are removed.

        This is the guard against label leaks: every image that a model predicts passes through it first, and so does
        every image that a run learns from without its label. No other code removes labels for this purpose.
        """
        removed = dict.fromkeys(("label", "target", "group", "probabilities", "candidates", "text"))
        samples = (replace(s.without_mask(), **removed, weight=1.0) for s in self.samples)  # type: ignore[arg-type]
        return replace(self, samples=tuple(samples))

    def labelled(self) -> "Dataset":
        """The samples of which a label, or an entry of the target, is known."""
        return replace(self, samples=tuple(s for s in self.samples if s.labelled))

    def unlabelled(self) -> "Dataset":
        """The samples without a label; some may have candidates."""
        return replace(self, samples=tuple(s for s in self.samples if not s.labelled))

    def supervised(self) -> "Dataset":
        """The samples that are labelled, or have candidates."""
        return replace(self, samples=tuple(s for s in self.samples if s.supervised))

    @property
    def groups(self) -> dict[str, str]:
        """The group of each sample that has one, by its id."""
        return {s.id: s.group for s in self.samples if s.group is not None}

    def split(self, *splits: Split | None) -> "Dataset":
        """The samples whose `split` is one of these."""
        return replace(self, samples=tuple(s for s in self.samples if s.split in splits))


def _positions(indices: Sequence[int] | np.ndarray, n: int) -> list[int]:
    array = np.asarray(indices)
    if array.ndim == 1 and array.dtype == np.bool_ and len(array) == n:
        return [int(i) for i in np.flatnonzero(array)]
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DataError(
            f"positions of type {array.dtype} and shape {list(array.shape)} for {n} samples",
            where="Dataset.select",
            remedy="give whole numbers, or a boolean for each sample.",
        )
    return [int(i) for i in array]
