"""Core values: what flows between the rooms of the house. Shape letters: n k d c h w.

Values are frozen; a step returns a new one. Arrays make equality meaningless, so `eq=False` where there are any.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handful.errors import TrainingError
from handful.samples import Dataset as Dataset
from handful.samples import Image as Image
from handful.samples import Mask as Mask
from handful.samples import Sample as Sample
from handful.samples import Split as Split

Similarity = Literal["dot", "cosine"]
IGNORE = -1  # pixel label that no loss looks at


@dataclass(frozen=True, eq=False)
class Task:
    """Facts of the training split only: class names and images per class, int64 [k]."""

    classes: tuple[str, ...]
    counts: Int[np.ndarray, " k"]


@dataclass(frozen=True, eq=False)
class LabelEmbedding:
    """One vector per class, and how an embedding is compared with it.

    `learn_temperature`: `temperature` is only where learning starts; a network keeps the learnt one. `read_as`: what
    each class's name was read as, where names were read.
    """

    vectors: Float[Tensor, "k d"]
    similarity: Similarity = "dot"
    temperature: float = 1.0
    learn_temperature: bool = False
    read_as: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Length d of a class vector: what a head's embedding must have."""
        return int(self.vectors.shape[1])

    def logits(self, embedding: Float[Tensor, "n d *space"]) -> Float[Tensor, "n k *space"]:
        """Class scores: similarity of each embedding (or of each pixel's) to every class vector, over temperature."""
        vectors = self.vectors.to(embedding)
        if self.similarity == "cosine":
            vectors = torch.nn.functional.normalize(vectors, dim=1)
            embedding = torch.nn.functional.normalize(embedding, dim=1)
        return torch.einsum("kd,nd...->nk...", vectors, embedding) / self.temperature


@dataclass(frozen=True)
class Hierarchy:
    """A tree over the classes. Nodes 0 to k - 1 are the leaves, in the order of the task's classes.

    `parents[i]` is a node's parent, -1 for the root; `names` has a name for every node.
    """

    parents: tuple[int, ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        assert len(self.parents) == len(self.names)
        assert self.parents.count(-1) == 1
        inner = set(self.parents) - {-1}
        assert inner == set(range(self.leaves, len(self.parents))), "a leaf is a class, and a class is a leaf"
        assert all(self.path(i)[-1] == self.root for i in range(self.leaves))

    @property
    def leaves(self) -> int:
        """Number of leaves, k."""
        return len(self.parents) - len(set(self.parents) - {-1})

    @property
    def root(self) -> int:
        """The root's index."""
        return self.parents.index(-1)

    def path(self, node: int) -> tuple[int, ...]:
        """The nodes from this one to the root, both included."""
        found = [node]
        while (parent := self.parents[found[-1]]) != -1:
            found.append(parent)
            assert len(found) <= len(self.parents), "a tree has no cycle"
        return tuple(found)

    def children(self, node: int) -> tuple[int, ...]:
        """The nodes directly below this one, in the order of their indices."""
        return tuple(i for i, parent in enumerate(self.parents) if parent == node)

    def members(self) -> Bool[np.ndarray, "m k"]:
        """Which classes lie at or below each of the m nodes."""
        below = np.zeros((len(self.parents), self.leaves), dtype=bool)
        for leaf in range(self.leaves):
            below[list(self.path(leaf)), leaf] = True
        return below


@dataclass(frozen=True, eq=False)
class Batch:
    """What a training step sees.

    `images` in [0, 1]; the network normalises. `labels` -1: none. `targets` are class probabilities.
    `pixel_labels`: 0 background, class + 1, -1 ignore; all -1 where an image has no mask.
    """

    images: Float[Tensor, "n 3 h w"]
    labels: Int[Tensor, " n"]
    targets: Float[Tensor, "n k"]
    pixel_labels: Int[Tensor, "n h w"]


@dataclass(frozen=True, eq=False)
class Output:
    """What a network says of a batch.

    `embedding` is compared with the label vectors to give `logits`; `features` is what the classifier pooled;
    `pixels` are per-pixel scores, background first, for heads that segment. `distances` are the squared ones to each
    class's nearest prototype, for heads that learn some. `typicality` is the share of training images that were as
    unlike the others or more, where posthoc/out_of_distribution measures it.
    """

    embedding: Float[Tensor, "n d"]
    logits: Float[Tensor, "n k"]
    features: Float[Tensor, "n c"]
    pixels: Float[Tensor, "n k1 h w"] | None = None
    distances: Float[Tensor, "n k"] | None = None
    typicality: Float[Tensor, " n"] | None = None


@dataclass(frozen=True)
class Part:
    """A named part with its options. `weight` is a loss's factor; `start` and `stop` are shares of training."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    start: float = 0.0
    stop: float = 1.0


@dataclass(frozen=True)
class Optimizer:
    """`sgd` (momentum) or `adamw`; weight decay spares biases and norms only if `decay_norms` is false.

    `layer_decay`: the backbone's last stage learns at lr times this, the one before at lr times its square, and so on
    (ELECTRA, Clark et al. 2020, https://arxiv.org/abs/2003.10555, fine-tuning details); all else at lr.
    """

    name: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    nesterov: bool = False
    decay_norms: bool = True
    clip: float | None = None  # largest gradient norm
    layer_decay: float = 1.0


@dataclass(frozen=True)
class Schedule:
    """Learning rate over a stage: linear warm-up over the first `warmup` share, then `name`.

    Warm-up starts at `initial`, or near 0. "cosine" ends at `final` times lr; "step" multiplies by `factor` at each
    share in `milestones`.
    """

    name: Literal["constant", "cosine", "step"] = "cosine"
    warmup: float = 0.05
    initial: float | None = None
    final: float = 0.0
    milestones: tuple[float, ...] = (0.6, 0.8)
    factor: float = 0.1


@dataclass(frozen=True)
class Stage:
    """One stretch of training. The budget is `steps`, or `epochs` x batches per epoch but never below `floor`.

    `trainable`: "all", or the name prefixes of the parameters that learn, e.g. ("head",). `reset`: prefixes of what
    begins the stage with the weights it was built with. `sampler`: how often a class of n images comes, in proportion
    to n ("shuffle": every image once an epoch), to its square root, or all alike ("balanced"). `statistics`: what the
    backbone's batch norms normalise by: those of the "batch", or those it was built with, "frozen"; their scale and
    shift learn in both.
    """

    losses: tuple[Part, ...]
    steps: int | None = None
    epochs: int | None = None
    floor: int = 0
    trainable: tuple[str, ...] | Literal["all"] = "all"
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    sampler: Literal["shuffle", "balanced", "square_root"] = "shuffle"
    reset: tuple[str, ...] = ()
    statistics: Literal["batch", "frozen"] = "batch"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run, as plain values; read from and written to TOML."""

    name: str
    backbone: Part
    head: Part
    stages: tuple[Stage, ...]
    labels: Part = Part("one_hot")
    hierarchy: Part | None = None  # the tree that some losses read; nothing needs it after training
    prepare: tuple[Part, ...] = ()
    augment: tuple[Part, ...] = ()
    posthoc: tuple[Part, ...] = ()
    batch_size: int = 32
    fill_batch: bool = False  # fewer images than batch_size: repeat them (augmented anew) until a batch is full
    image_size: tuple[int, int] | None = None  # h, w; None: the images' own size, which must be one
    resize: Literal["squash", "pad", "crop"] = "squash"
    ema: float | None = None
    cache_views: int = 0  # above 0: maps of frozen stages are computed once for so many augmented views per image
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    about: Mapping[str, str] = field(default_factory=dict)  # paper, command, expected, time: shown, never read
    search: Mapping[str, Any] = field(default_factory=dict)  # option path: choices, or low, high, log; for tuning only


# A training function as a part may use it: Seg-M and induced trees train a network of their own.
Fit = Callable[[Recipe, Dataset, int], Any]


@dataclass(frozen=True, eq=False)
class Context:
    """What a part may know when it is built."""

    task: Task
    labels: LabelEmbedding  # for the part that builds them: one-hot
    recipe: Recipe
    seed: int = 0
    fit: Fit | None = None  # `train`, on the same device
    load: Callable[[Path], Any] | None = None  # a saved classifier, for a Seg-M from another data set
    named: Callable[[str], Recipe] | None = None  # a recipe by name: recipes lie above the parts
    data: Dataset | None = None  # the prepared training split: a hierarchy may train a network on it
    hierarchy: Hierarchy | None = None
    features: Callable[[], int] | None = None  # length of `Output.features`, once there is a network

    def recipe_named(self, name: str, *, where: str) -> Recipe:
        """The recipe of that name. TrainingError where none can be looked up, RecipeError where there is none."""
        if self.named is None:
            raise TrainingError("recipes cannot be looked up here", where=where)
        return self.named(name)

    def train(self, recipe: Recipe, data: Dataset, seed: int, *, where: str) -> Any:
        """A classifier of its own for a part. TrainingError where nothing can be trained."""
        if self.fit is None:
            raise TrainingError("nothing can be trained here", where=where)
        return self.fit(recipe, data, seed)


@dataclass(frozen=True, eq=False)
class Backbone:
    """A feature extractor: [n 3 h w] to [n channels h/stride w/stride], rounded up, plus how it wants its input."""

    network: torch.nn.Module
    channels: int
    stride: int
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)


@dataclass(frozen=True, eq=False)
class Run:
    """One training run's raw predictions; every metric is computed from these later."""

    draw: int
    fold: int | None
    seed: int
    train_ids: tuple[str, ...]
    ids: tuple[str, ...]
    labels: Int[np.ndarray, " n"]
    probabilities: Float[np.ndarray, "n k"]
    seconds: float
    per_class: int | None = None
    counts: Int[np.ndarray, " k"] | None = None
    sets: Bool[np.ndarray, "n k"] | None = None  # conformal sets, where the recipe asks for them
    rejected: Bool[np.ndarray, " n"] | None = None  # which images were too unlike the training images, likewise

    @property
    def predictions(self) -> Int[np.ndarray, " n"]:
        """Most probable class of each image."""
        return np.asarray(self.probabilities.argmax(axis=1))


@dataclass(frozen=True, eq=False)
class Result:
    """The runs of one recipe under one protocol."""

    recipe: Recipe
    classes: tuple[str, ...]
    runs: tuple[Run, ...]
