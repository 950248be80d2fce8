"""The trained classifier: a network with its labels that predicts. Predicting changes nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Int, UInt8
from torch import Tensor, nn

from handful.core.dataset import Dataset, Image, Mask
from handful.core.kind import Kind
from handful.core.pixel_range import PixelRange
from handful.core.prediction import Predictions, predict_batch_size
from handful.core.recipe import Recipe
from handful.core.standardization import Scale
from handful.core.tensors import LabelEmbedding, Output
from handful.data.bags import bag_index
from handful.data.in_memory import chunks, fit_size, unfit_mask
from handful.data.masks.regions import SMALLEST_REGION, number_regions
from handful.data.pixel_range import scaled
from handful.errors import ModelError
from handful.models.bag_pooling import pool_bags
from handful.models.conformal_coverage import CLOSE
from handful.models.device import autocast
from handful.models.link import Link, link_of
from handful.models.posthoc_module import posthoc_modules, without_part

DEFAULT_THRESHOLD = 0.5  # of a multilabel model that was trained without posthoc/thresholds


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network with its recipe and classes.

    `network` maps images [n 3 h w] in [0, 1] to an `Output`: a `Network`, or a `posthoc` part's wrapping of one.
    `size` is the h, w that images are brought to, `counts` the training images per class. `card` is what is known of
    how it came about. `pixel_range` is how the training images of more than 8 bits per channel were scaled, and so are
    those that it predicts. `kind` is that of the training data: one class per image, several, or
    numbers, whose `scale` it has; `probabilities` are then the numbers; or one class per bag of images, so that
    `probabilities` are of each image as a bag of its own, and `counts` are bags.

    Example:
        >>> from handful import load_data, load_recipe, train
        >>> digits = load_data("digits").select(range(30))
        >>> classifier = train(load_recipe("logistic-pixels"), digits, device="cpu", progress=False)
        >>> classifier.probabilities(digits).shape
        (30, 10)
    """

    recipe: Recipe
    classes: tuple[str, ...]
    labels: LabelEmbedding
    network: nn.Module
    size: tuple[int, int]
    counts: Int[np.ndarray, " k"]
    card: dict[str, Any] = field(default_factory=dict)
    pixel_range: PixelRange | None = None
    kind: Kind = "multiclass"
    scale: Scale | None = None

    def __repr__(self) -> str:
        """The recipe, classes and size, without the network's layers."""
        (h, w), classes = self.size, f"{len(self.classes)} class{'' if len(self.classes) == 1 else 'es'}"
        return f"Classifier({self.recipe.name!r}, {classes}, {int(self.counts.sum())} training images, {h}x{w})"

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(chain(self.network.parameters(), self.network.buffers())).device

    def outputs(self, data: Dataset, *, chunk: int | None = None) -> Iterator[Output]:
        """The network's outputs, some images at a time: memory does not grow with the data set."""
        for images in self._images(data, chunk):
            yield self.of_images(images)

    def _images(self, data: Dataset, chunk: int | None = None) -> Iterator[Float[Tensor, "n 3 h w"]]:
        """The images at the working size, in [0, 1] on this device, some at a time."""
        samples, length = scaled(data, self.pixel_range).samples, chunk or self.chunk
        for images in chunks(samples, size=self.size, resize=self.recipe.resize, length=length):
            yield images.to(self.device).float().div_(255)

    @property
    def chunk(self) -> int:
        """Default number of images in a forward pass: at most 256, and 4 million pixels."""
        return predict_batch_size(self.size)

    def fitted(self, image: Image) -> UInt8[np.ndarray, "3 h2 w2"]:
        """The image at the working size."""
        return fit_size(image, self.size, self.recipe.resize)

    def of_images(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The output for images in [0, 1] on this device, stretched to the working size where they have another."""
        output: Output = self._ask(self.network, images)
        return output

    def _ask(self, question: Callable[[Tensor], Any], images: Float[Tensor, "n 3 h w"]) -> Any:
        if tuple(images.shape[-2:]) != self.size:
            images = F.interpolate(images, self.size, mode="bilinear", antialias=True)
        self.network.eval()
        with torch.inference_mode(), autocast(self.recipe.precision, self.device):
            return question(images)

    def probabilities(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        """Class probabilities of each sample, float32; rows sum to 1, but of a multilabel model each is by itself.

        Of a model of numbers they are the numbers.
        """
        return self._probabilities_of(self.outputs(data))

    def _probabilities_of(self, outputs: Iterable[Output]) -> Float[np.ndarray, "n k"]:
        return _joined((self.link.probabilities(o.logits.float()) for o in outputs), len(self.classes))

    def predict(self, data: Dataset) -> Int[np.ndarray, " n"] | Int[np.ndarray, "n k"] | Float[np.ndarray, "n k"]:
        """Most probable class of each sample; of a multilabel model 1 for each class it shows, else 0; or numbers."""
        probabilities = self.probabilities(data)
        if self.kind == "number":
            return probabilities
        if self.thresholds is not None:
            return np.asarray(probabilities >= self.thresholds, dtype=np.int64)
        return np.asarray(probabilities.argmax(axis=1))

    @property
    def link(self) -> Link:
        """How class scores become probabilities."""
        return link_of(self.kind, self.scale)

    def link_probabilities(self, logits: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """The probabilities of class scores."""
        return self.link.probabilities(torch.from_numpy(logits).float()).numpy()

    @property
    def thresholds(self) -> Float32[np.ndarray, " k"] | None:
        """From which probability on a multilabel model says that an image shows a class; None: of other models."""
        if self.kind != "multilabel":
            return None
        part = self.wrapped_by("thresholds")
        values = [DEFAULT_THRESHOLD] * len(self.classes) if part is None else part.thresholds
        return np.array(values, dtype=np.float32)

    def maps(self, data: Dataset) -> Iterator[Float[np.ndarray, "k1 h w"]]:
        """Pixel probabilities of each sample at the working size, background first.

        Raises:
            ModelError: the recipe's head does not segment.
        """
        for pixels in self._pixel_scores(data):
            yield from pixels.softmax(dim=1).cpu().numpy()

    def log_maps(self, data: Dataset) -> Iterator[Float[np.ndarray, "k1 h w"]]:
        """Logarithms of `maps`, which raises alike; they differ where probabilities round to 0 or 1."""
        for pixels in self._pixel_scores(data):
            yield from pixels.log_softmax(dim=1).cpu().numpy()

    def _pixel_scores(self, data: Dataset) -> Iterator[Float[Tensor, "n k1 h w"]]:
        for output in self.outputs(data):
            if output.pixels is None:
                raise ModelError(
                    "this model has no pixel maps",
                    where=self.recipe.name,
                    remedy="train a recipe with a segmentation, deeplab or multitask head (in an ensemble, for each "
                    "member).",
                )
            yield output.pixels.float()

    def unknown_regions(self, data: Dataset) -> Iterator[Int[np.ndarray, "h w"]]:
        """Numbers of the unknown regions of each sample at the working size, 0 where all is known.

        Raises:
            ModelError: the model was trained without posthoc/unknown_regions.
        """
        self._wrapped("unknown_regions")
        for output in self.outputs(data):
            assert output.unknown is not None, "the model has the part"
            cells = output.pixel_embedding
            for i, mask in enumerate(output.unknown.cpu().numpy()):
                embedding = None if cells is None else cells[i].float().cpu().numpy()
                yield number_regions(mask, embedding, smallest=SMALLEST_REGION)

    @property
    def finds_unknown(self) -> bool:
        """Whether `unknown_regions` can be given."""
        return self.wrapped_by("unknown_regions") is not None

    def wrapped_by(self, name: str) -> Any:
        """The module of a posthoc part around the network; None: it is not wrapped by it."""
        return next((module for module in posthoc_modules(self.network) if module.part.name == name), None)

    def p_values(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        """Conformal p-value of each class for each sample, in (0, 1]: see posthoc/conformal.

        Raises:
            ModelError: the model was trained without that part.
        """
        conformal = self._wrapped("conformal")
        return _joined((self._ask(conformal.p_values, images) for images in self._images(data)), len(self.classes))

    def sets(self, data: Dataset, *, coverage: float | None = None) -> Bool[np.ndarray, "n k"]:
        """Conformal set of each sample: the classes that cannot be ruled out at this coverage. It may be empty.

        Args:
            data: what to predict.
            coverage: share of sets that are to hold the right class; None: what the model was trained for.

        Raises:
            ModelError: the model was trained without sets, or on too few images for this coverage.
        """
        conformal = self._wrapped("conformal")
        significance: float = conformal.significance(coverage)
        return np.asarray(self.p_values(data) > significance + CLOSE)

    def typicality(self, data: Dataset) -> Float[np.ndarray, " n"]:
        """Share of training images that were as unlike the others as each sample is, or more: in (0, 1].

        Raises:
            ModelError: the model was trained without posthoc/out_of_distribution.
        """
        self._wrapped("out_of_distribution")
        return _typicality_of(self.outputs(data))

    def rejected(self, data: Dataset) -> Bool[np.ndarray, " n"]:
        """Which samples are so unlike the training images that a class should not be named.

        Raises:
            ModelError: as `typicality`.
        """
        return np.asarray(self.typicality(data) <= self.false_rejection + CLOSE)

    @property
    def false_rejection(self) -> float:
        """Share of images like the training ones that `rejected` gives up; 0: none is ever rejected."""
        part = self.wrapped_by("out_of_distribution")
        return 0.0 if part is None else float(part.false_rejection)

    def _wrapped(self, name: str) -> Any:
        """As `wrapped_by`, of a part that must be there."""
        module = self.wrapped_by(name)
        if module is None:
            raise without_part(name, where=self.recipe.name)
        return module

    def predict_all(self, data: Dataset, *, coverage: float | None = None) -> Predictions:
        """Probabilities, answers, and the typicality and conformal sets that the model supports.

        Raises:
            ModelError: sets of this coverage cannot be given.
        """
        outputs = list(self.outputs(data))
        probabilities = self._probabilities_of(outputs)
        answers = probabilities.argmax(axis=1) if outputs else np.zeros(0, np.int64)
        typicality = _typicality_of(outputs) if self.false_rejection else None
        if typicality is not None:
            answers = np.where(typicality <= self.false_rejection + CLOSE, len(self.classes), answers)
        wanted = coverage is not None or self.wrapped_by("conformal") is not None
        sets = self.sets(data, coverage=coverage) if wanted else None
        present = None if self.thresholds is None else probabilities >= self.thresholds
        numbers = probabilities if self.kind == "number" else None
        weights = [o.attention.float() for o in outputs if o.attention is not None]
        attention = _joined(weights) if weights else None
        shares = [o.unknown.float().mean(dim=(1, 2)) for o in outputs if o.unknown is not None]
        unknown = _joined(shares) if shares else None
        return Predictions(probabilities, answers, typicality, sets, present, numbers, attention, unknown)

    def bag_probabilities(self, data: Dataset) -> tuple[tuple[str, ...], Float[np.ndarray, "b k"]]:
        """The bags of the images, in order of their first image, and the class probabilities of each.

        Raises:
            ModelError: the model was not trained on bags.
        """
        if self.kind != "bag":
            remedy = "train one on bags, e.g. with the recipe bag-mean."
            raise ModelError("this model was not trained on bags", where=self.recipe.name, remedy=remedy)
        predictions = self.predict_all(data)
        names, index = bag_index(data)
        pooled = pool_bags(self.network, predictions.probabilities, predictions.attention, index, len(names))
        return names, pooled

    def own_size(self, mask: Bool[np.ndarray, "h2 w2"], size: tuple[int, int]) -> Mask:
        """A mask at the working size, back at an image's own h, w."""
        return unfit_mask(mask, size, self.recipe.resize)

    def to(self, device: torch.device | str) -> "Classifier":
        """The same classifier on another device."""
        return replace(self, network=self.network.to(device))


def _typicality_of(outputs: Iterable[Output]) -> Float[np.ndarray, " n"]:
    return _joined(o.typicality.float() for o in outputs if o.typicality is not None)


def _joined(parts: Iterable[Tensor], *width: int) -> Float[np.ndarray, "n ..."]:
    """The rows of all parts, each of shape [m *width]; of no parts, none."""
    rows = [part.cpu().numpy() for part in parts]
    return np.concatenate(rows) if rows else np.zeros((0, *width), np.float32)
