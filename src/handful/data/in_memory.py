"""Image tensors in memory: uint8 at a recipe's working size, decoded once, augmented in batches."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from handful.core.dataset import Dataset, Image, Sample
from handful.core.tensors import IGNORE, Batch, supervised_rows
from handful.data.image_cache import working_image
from handful.data.images import refuse_other_size, sample_size
from handful.data.pixel_labels import pixel_labels
from handful.data.resampling import Resize as Resize
from handful.data.resampling import fit_mask as fit_mask
from handful.data.resampling import inner_size
from handful.data.resampling import unfit_mask as unfit_mask
from handful.errors import DataError, hint


@dataclass(frozen=True, eq=False)
class ImageTensors:
    """A data set as tensors in memory.

    Attributes:
        images: uint8 in 0..255.
        labels: class of each image, -1 without a label.
        pixel_labels: as in a `Batch`; None: no sample has a mask.
        targets: of multilabel data, 1 present, 0 absent, NaN unknown; None: they are multiclass. `labels` then has the
            rarest class that each image shows, by which samplers draw, and k for an image that shows none. Of numbers,
            their values, NaN unknown; `labels` is then 0, and -1 without a value. Of bags None; `labels` has the bag's.
        weights: factor of each image's loss; None: 1 each.
        probabilities: of each class, of multiclass data; None: each labelled image has one class.
        candidates: as in a `Batch`.
    """

    images: UInt8[Tensor, "n 3 h w"]
    labels: Int[Tensor, " n"]
    pixel_labels: Int[Tensor, "n h w"] | None
    targets: Float[Tensor, "n k"] | None = None
    weights: Float[Tensor, " n"] | None = None
    probabilities: Float[Tensor, "n k"] | None = None
    candidates: Bool[Tensor, "n k"] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device) -> "ImageTensors":
        """The same tensors on another device."""
        maps = self.pixel_labels
        return replace(
            self,
            images=self.images.to(device),
            labels=self.labels.to(device),
            pixel_labels=None if maps is None else maps.to(device),
            targets=None if self.targets is None else self.targets.to(device),
            weights=None if self.weights is None else self.weights.to(device),
            probabilities=None if self.probabilities is None else self.probabilities.to(device),
            candidates=None if self.candidates is None else self.candidates.to(device),
        )

    def batch(self, index: Int[Tensor, " b"], classes: int) -> Batch:
        """The samples at `index`: images in [0, 1], channels-last, one-hot targets (all 0: no label)."""
        images = self.images[index].float().div_(255)
        labels, targets, known = self.knowledge(index, classes)
        if self.pixel_labels is None:
            n, _, h, w = images.shape
            maps = torch.tensor(IGNORE, device=images.device).expand(n, h, w)  # expanded: read only
        else:
            maps = self.pixel_labels[index].long()
        weights = None if self.weights is None else self.weights[index]
        candidates = None if self.candidates is None else self.candidates[index]
        return Batch(images, labels, targets, maps, index, known=known, weights=weights, candidates=candidates)

    @property
    def supervised(self) -> Bool[Tensor, " n"]:
        """Which images have a label, or candidates."""
        return supervised_rows(self.labels, self.candidates)

    def weighted_targets(self, classes: int) -> Float[Tensor, "n k"] | None:
        """Class probabilities of multiclass data, times the weight of the image; None: each counts as its label."""
        if self.probabilities is None and self.weights is None:
            return None
        _, targets, _ = self.knowledge(torch.arange(len(self), device=self.labels.device), classes)
        return targets if self.weights is None else targets * self.weights[:, None]

    def knowledge(
        self, index: Int[Tensor, " b"], classes: int
    ) -> tuple[Int[Tensor, " b"], Float[Tensor, "b k"], Bool[Tensor, "b k"] | None]:
        """Labels, targets and known entries of the samples at `index`, as a `Batch` holds them."""
        labels = self.labels[index]
        if self.targets is not None:
            rows = self.targets[index]
            return labels, rows.nan_to_num(0.0), ~rows.isnan()
        if self.probabilities is not None:
            return labels, self.probabilities[index], None
        return labels, F.one_hot(labels.clamp(min=0), classes).float() * (labels >= 0).float()[:, None], None


def fit_size(image: Image, size: tuple[int, int], resize: Resize) -> UInt8[np.ndarray, "3 h2 w2"]:
    """An image at h x w: "squash" ignores the aspect, "pad" adds black, "crop" cuts the longer side's ends."""
    return _fit(torch.from_numpy(image)[None], size, resize)[0].numpy()


def _fit(x: UInt8[Tensor, "n c h w"], size: tuple[int, int], resize: Resize) -> UInt8[Tensor, "n c h2 w2"]:
    h, w = x.shape[-2:]
    if (h, w) == size:
        return x
    inner = inner_size((h, w), size, resize)
    if inner == (1, 1):  # PyTorch's uint8 kernel fails on a single output pixel
        x = x.float().mean(dim=(2, 3), keepdim=True).round().to(torch.uint8)
    elif inner != (h, w):
        x = F.interpolate(x, inner, mode="bilinear", antialias=True)  # uint8 in, uint8 out
    dh, dw = size[0] - inner[0], size[1] - inner[1]
    if (dh, dw) == (0, 0):
        return x
    # A negative pad is a crop; floor division keeps the two ends of one rule for both.
    top, left = -((-dh) // 2), -((-dw) // 2)
    return F.pad(x, (left, dw - left, top, dh - top))


def working_size(data: Dataset, size: tuple[int, int] | None) -> tuple[int, int]:
    """The height and width of image tensors: the recipe's `size`, or the images' own size if it is the same for all.

    Raises:
        DataError: `size` is None and the images differ in size; names the first that does.
    """
    if size is not None:
        return size
    first: tuple[int, int] | None = None
    for sample in data.samples:
        h, w = sample_size(sample)
        if first is not None and (h, w) != first:
            raise DataError(
                f"images differ in size ({first[0]}x{first[1]} and {h}x{w})",
                where=sample.id,
                remedy=f"set image_size = [h, w] in the recipe{hint('overrides', 'image_size=[h,w]')}.",
            )
        first = (h, w)
    if first is None:
        raise DataError("no images found", remedy="check the path and the split column.")
    return first


def load_tensors(
    data: Dataset, *, size: tuple[int, int], resize: Resize = "squash", masks: bool = True
) -> ImageTensors:
    """Decode every sample of a data set into tensors.

    Args:
        data: the samples.
        size: h and w of the tensors.
        resize: how images and masks are resized, as `fit_size` does.
        masks: turn masks into pixel labels. Pixels of an unlabelled sample are all -1 (ignore), even with a mask.

    Raises:
        DataError: a file cannot be read, or a mask is of another size than its image.
    """
    n, (h, w) = len(data), size
    images = torch.empty((n, 3, h, w), dtype=torch.uint8)
    any_mask = masks and data.kind != "number" and any(s.mask is not None for s in data.samples)
    kind = torch.int16 if len(data.classes) > 126 else torch.int8
    maps = torch.full((n, h, w), IGNORE, dtype=kind) if any_mask else None
    for i, sample in enumerate(data.samples):
        working = working_image(sample, size, resize)
        refuse_other_size(sample, working.decoded_size)
        images[i] = torch.from_numpy(working.image)
        labels_of_pixels = None if maps is None else pixel_labels(sample, len(data.classes), size, resize)
        if maps is not None and labels_of_pixels is not None:
            maps[i] = torch.from_numpy(labels_of_pixels)
    weights = None
    if data.has_weights:
        weights = torch.tensor([sample.weight for sample in data.samples], dtype=torch.float32)
    if data.kind == "number":
        labelled = torch.tensor([0 if s.labelled else -1 for s in data.samples], dtype=torch.int64)
        return ImageTensors(images, labelled, maps, torch.from_numpy(data.targets()), weights)
    if data.kind == "multilabel":
        return ImageTensors(images, _rarest_classes(data), maps, torch.from_numpy(data.targets()), weights)
    if data.kind == "bag":
        of_bags = torch.tensor([-1 if s.label is None else s.label for s in data.samples], dtype=torch.int64)
        return ImageTensors(images, of_bags, maps, weights=weights)
    probabilities = torch.from_numpy(data.probabilities()) if data.has_probabilities else None
    labels = torch.from_numpy(data.labels)
    candidates = torch.from_numpy(data.candidates()) if data.has_candidates else None
    return ImageTensors(images, labels, maps, weights=weights, probabilities=probabilities, candidates=candidates)


def _rarest_classes(data: Dataset) -> Int[Tensor, " n"]:
    """The rarest class that each sample of multilabel data shows; k for none, -1 for an unlabelled sample."""
    shows = np.concatenate([data.targets() == 1, np.ones((len(data), 1), dtype=bool)], axis=1)
    counts = np.append(data.counts, len(data) + 1)
    rarest = np.where(shows, counts, len(data) + 2).argmin(axis=1)
    labelled = np.array([s.labelled for s in data.samples], dtype=bool)
    return torch.from_numpy(np.where(labelled, rarest, -1).astype(np.int64))


def chunks(
    samples: tuple[Sample, ...], *, size: tuple[int, int], resize: Resize, length: int
) -> Iterator[UInt8[Tensor, "n 3 h w"]]:
    """Image tensors of `length` samples at a time, so that memory does not grow with the number of samples."""
    for start in range(0, len(samples), length):
        part = samples[start : start + length]
        yield torch.stack([torch.from_numpy(working_image(s, size, resize).image) for s in part])
