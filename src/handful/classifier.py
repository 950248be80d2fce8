"""A network with its labels, and the trained classifier that predicts with it. Predicting changes nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import chain
from math import log
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from handful.answers import Judged
from handful.coverage import CLOSE as CLOSE
from handful.data.memory import chunks, fit_size, unfit_mask
from handful.errors import ModelError
from handful.features import FeatureCache
from handful.types import Backbone, Dataset, Image, LabelEmbedding, Mask, Output, Recipe

COLDEST = 0.01  # a learnt temperature stays above it, as CLIP's does (Radford et al. 2021, section 2.5)


class Comparison(nn.Module):
    """Embeddings to class logits, as the labels say; holds the temperature where that is learnt.

    What is learnt is the logarithm of 1 / temperature, in "compare.log_scale": weight decay pulls it to temperature 1.
    """

    vectors: Tensor
    log_scale: Tensor | None

    def __init__(self, labels: LabelEmbedding) -> None:
        super().__init__()
        self.labels = labels
        self.register_buffer("vectors", labels.vectors, persistent=False)
        scale = nn.Parameter(torch.tensor(-log(labels.temperature))) if labels.learn_temperature else None
        self.register_parameter("log_scale", scale)

    def forward(self, embedding: Float[Tensor, "n d *space"]) -> Float[Tensor, "n k *space"]:
        """Class scores."""
        labels = replace(self.labels, vectors=self.vectors)
        if self.log_scale is None:
            return labels.logits(embedding)
        return replace(labels, temperature=1.0).logits(embedding) * self.log_scale.clamp(max=-log(COLDEST)).exp()


class Network(nn.Module):
    """Normalise, extract feature maps, apply the head, compare with the labels.

    `losses` holds what the training losses learn (centers, temperatures), so that it is saved with the weights.
    `cache`, where there is one, keeps the features under a fitted head on disk.
    """

    mean: Tensor
    std: Tensor
    cache: FeatureCache | None = None

    def __init__(self, backbone: Backbone, head: nn.Module, labels: LabelEmbedding) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(1, 3, 1, 1))
        self.backbone = backbone.network
        self.head = head
        self.compare = Comparison(labels)
        # Convolutions prefer channels-last; with group norm a bfloat16 step on a CPU takes a quarter longer in it
        # (python -m bench speed-layout).
        grouped = any(isinstance(m, nn.GroupNorm) for m in self.modules())
        self.layout = torch.contiguous_format if grouped else torch.channels_last

    def forward(self, images: Float[Tensor, "n 3 h w"], maps: Float[Tensor, "n c h2 w2"] | None = None) -> Output:
        """Images in [0, 1] to embeddings, logits, features and, from segmenting heads, pixel scores.

        `maps`: what `frozen_maps` gave for these images, when it was kept; then only the images' size is read.
        """
        if maps is None and getattr(self.head, "fitted", False):
            fitted: Output = self._fitted.output(self.features(images))
            return fitted
        found = self.feature_maps(images) if maps is None else self._stages.rest(maps)
        output: Output = self.head(found, size=tuple(images.shape[-2:]), compare=self.compare)
        return output

    def features(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c"]:
        """What a fitted head is given: its pool of the maps, from disk where it was computed before."""

        def compute(some: Float[Tensor, "m 3 h w"]) -> Float[Tensor, "m c"]:
            pooled: Tensor = self._fitted.pool(self.backbone(self._normalise(some)))
            return pooled

        traced = torch.jit.is_tracing() or torch.compiler.is_compiling()  # type: ignore[attr-defined, no-untyped-call]
        if self.cache is None or self.training or traced or images.requires_grad:
            return compute(images)
        return self.cache.features(images, self.backbone, compute)

    def with_labels(self, labels: LabelEmbedding) -> "Network":
        """The same backbone and head, shared, and a temperature that was learnt; other class vectors."""
        mean, std = (tuple(buffer.flatten().tolist()) for buffer in (self.mean, self.std))
        other = Network(Backbone(self.backbone, 0, 1, mean, std), self.head, labels)
        other.compare.load_state_dict(self.compare.state_dict())
        return other.to(self.mean.device).eval().requires_grad_(False)

    @property
    def has_frozen(self) -> bool:
        """Whether the backbone's first stages are frozen, and it offers them apart: `frozen`, then `rest`."""
        return int(getattr(self.backbone, "split", 0)) > 0

    def feature_maps(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Maps of the whole backbone, which the head reads."""
        maps: Tensor = self.backbone(self._normalise(images))
        return maps

    def frozen_maps(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Maps of the frozen stages."""
        maps: Tensor = self._stages.frozen(self._normalise(images))
        return maps

    @property
    def _stages(self) -> Any:
        return self.backbone

    @property
    def _fitted(self) -> Any:
        return self.head

    def _normalise(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        return ((images - self.mean) / self.std).contiguous(memory_format=self.layout)


def pick_precision(wish: str, device: torch.device) -> torch.dtype | None:
    """The autocast type for a recipe's `precision`; None is plain float32.

    "auto" is bfloat16 where the hardware multiplies it natively (CUDA from compute capability 8; CPUs with AMX,
    where it halves the time of a step), and float32 elsewhere.
    """
    if wish == "auto":
        if device.type == "cuda":
            native = torch.cuda.get_device_capability(device)[0] >= 8
        else:
            native = device.type == "cpu" and bool(torch.cpu.get_capabilities().get("amx_bf16", False))
        return torch.bfloat16 if native else None
    return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[wish]


def autocast(wish: str, device: torch.device) -> AbstractContextManager[Any]:
    """A context in which a network runs at the recipe's precision."""
    kind = pick_precision(wish, device)
    return torch.autocast(device.type, kind or torch.bfloat16, enabled=kind is not None)


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network with its recipe and classes.

    `network` maps images [n 3 h w] in [0, 1] to an `Output`: a `Network`, or a `posthoc` part's wrapping of one.
    `size` is the h, w that images are brought to, `counts` the training images per class. `card` is what is known of
    how it came about.
    """

    recipe: Recipe
    classes: tuple[str, ...]
    labels: LabelEmbedding
    network: nn.Module
    size: tuple[int, int]
    counts: Int[np.ndarray, " k"]
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(chain(self.network.parameters(), self.network.buffers())).device

    def outputs(self, data: Dataset, *, chunk: int | None = None) -> Iterator[Output]:
        """The network's outputs, some images at a time: memory does not grow with the data set."""
        for images in chunks(data.samples, size=self.size, resize=self.recipe.resize, length=chunk or self.chunk):
            yield self.of_images(images.to(self.device).float().div_(255))

    @property
    def chunk(self) -> int:
        """How many images are predicted at a time unless told: at most 256, and 4 million pixels."""
        return max(1, min(256, 2**22 // (self.size[0] * self.size[1])))

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
        """Class probabilities of each sample, float32; rows sum to 1."""
        parts = [o.logits.float().softmax(dim=1).cpu().numpy() for o in self.outputs(data)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)), np.float32)

    def predict(self, data: Dataset) -> Int[np.ndarray, " n"]:
        """Most probable class of each sample."""
        return np.asarray(self.probabilities(data).argmax(axis=1))

    def maps(self, data: Dataset) -> Iterator[Float[np.ndarray, "k1 h w"]]:
        """Pixel probabilities of each sample at the working size, background first.

        Raises:
            ModelError: the recipe's head does not segment.
        """
        for output in self.outputs(data):
            if output.pixels is None:
                raise ModelError(
                    "this classifier has no pixel maps",
                    where=self.recipe.name,
                    remedy="train a recipe with a segmentation, deeplab or multitask head (in an ensemble, for each "
                    "member).",
                )
            yield from output.pixels.float().softmax(dim=1).cpu().numpy()

    def wrapped_by(self, name: str) -> Any:
        """The module of a posthoc part around the network; None: it is not wrapped by it."""
        network: Any = self.network
        while hasattr(network, "part") and network.part.name != name:
            network = network.network
        return network if hasattr(network, "part") else None

    def p_values(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        """Conformal p-value of each class for each sample, in (0, 1]: see posthoc/conformal.

        Raises:
            ModelError: the model was trained without that part.
        """
        conformal = self._wrapped("conformal", 'posthoc = [{ name = "conformal" }]')
        parts = [self._ask(conformal.p_values, images).cpu().numpy() for images in self._images(data)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)), np.float32)

    def sets(self, data: Dataset, *, coverage: float | None = None) -> Bool[np.ndarray, "n k"]:
        """Conformal set of each sample: the classes that cannot be ruled out at this coverage. It may be empty.

        Args:
            data: what to predict.
            coverage: share of sets that are to hold the right class; None: what the model was trained for.

        Raises:
            ModelError: the model was trained without sets, or on too few images for this coverage.
        """
        conformal = self._wrapped("conformal", 'posthoc = [{ name = "conformal" }]')
        level: float = conformal.level(coverage)
        return np.asarray(self.p_values(data) > level + CLOSE)

    def typicality(self, data: Dataset) -> Float[np.ndarray, " n"]:
        """Share of training images that were as unlike the others as each sample is, or more: in (0, 1].

        Raises:
            ModelError: the model was trained without posthoc/out_of_distribution.
        """
        self._wrapped("out_of_distribution", 'posthoc = [{ name = "out_of_distribution" }]')
        parts = [o.typicality.float().cpu().numpy() for o in self.outputs(data) if o.typicality is not None]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

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

    def _wrapped(self, name: str, remedy: str) -> Any:
        found = self.wrapped_by(name)
        if found is None:
            raise ModelError(
                f"this model has no posthoc part {name!r}", where=self.recipe.name, remedy=f"train it with {remedy}."
            )
        return found

    def _images(self, data: Dataset) -> Iterator[Float[Tensor, "n 3 h w"]]:
        for images in chunks(data.samples, size=self.size, resize=self.recipe.resize, length=self.chunk):
            yield images.to(self.device).float().div_(255)

    def judge(self, data: Dataset, *, coverage: float | None = None) -> Judged:
        """Probabilities with all that the model can say beside them.

        Raises:
            ModelError: sets of this coverage cannot be given.
        """
        outputs = list(self.outputs(data))
        k = len(self.classes)
        rows = [o.logits.float().softmax(dim=1).cpu().numpy() for o in outputs]
        probabilities = np.concatenate(rows) if rows else np.zeros((0, k), np.float32)
        answers = probabilities.argmax(axis=1) if rows else np.zeros(0, np.int64)
        typicality = None
        if self.false_rejection:
            values = [o.typicality.float().cpu().numpy() for o in outputs if o.typicality is not None]
            typicality = np.concatenate(values) if values else np.zeros(0, np.float32)
            answers = np.where(typicality <= self.false_rejection + CLOSE, k, answers)
        wanted = coverage is not None or self.wrapped_by("conformal") is not None
        return Judged(probabilities, answers, typicality, self.sets(data, coverage=coverage) if wanted else None)

    def own_size(self, mask: Bool[np.ndarray, "h2 w2"], size: tuple[int, int]) -> Mask:
        """A mask at the working size, back at an image's own h, w."""
        return unfit_mask(mask, size, self.recipe.resize)

    def with_labels(self, classes: Sequence[str], vectors: Float[Tensor, "m d"]) -> "Classifier":
        """A classifier that also knows these classes, by nothing but their vectors; weights are shared.

        Where vectors say what classes have in common, images of a class never trained on may come near its own.

        Raises:
            ModelError: a class that is known, vectors of another length, or a network that does not compare with
                class vectors at its end.
        """
        known = [name for i, name in enumerate(classes) if name in self.classes or name in classes[:i]]
        if known or len(classes) != len(vectors):
            what = f"class {known[0]!r} is there already" if known else f"{len(classes)} names, {len(vectors)} vectors"
            raise ModelError(what, where="classes", remedy="name each new class once, with its vector.")
        if vectors.shape[1] != self.labels.size:
            raise ModelError(
                f"vectors of {vectors.shape[1]} numbers; the model's have {self.labels.size}",
                where=self.recipe.name,
                remedy="make them as the model's labels were made.",
            )
        if not isinstance(self.network, Network) or getattr(self.network.head, "own_classes", False):
            raise ModelError(
                "this network does not end in a comparison with class vectors",
                where=self.recipe.name,
                remedy="take a model whose recipe has [labels] word_embeddings, without posthoc parts.",
            )
        both = torch.cat([self.labels.vectors, vectors.to(self.labels.vectors)])
        labels = replace(self.labels, vectors=both, read_as=())
        counts = np.concatenate([self.counts, np.zeros(len(classes), dtype=self.counts.dtype)])
        network = self.network.with_labels(labels)
        return replace(self, classes=(*self.classes, *classes), labels=labels, network=network, counts=counts)

    def to(self, device: torch.device | str) -> "Classifier":
        """The same classifier on another device."""
        return replace(self, network=self.network.to(device))
