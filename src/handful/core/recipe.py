"""Recipes as values: `Recipe` and what it is made of. PyTorch is not needed to read one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


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
    """Everything that decides a training run, as plain values; read from and written to TOML.

    Example:
        >>> from handful import load_recipe
        >>> recipe = load_recipe("classification-wrn")
        >>> recipe.backbone.name, recipe.head.name
        ('wide_resnet', 'linear')
    """

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
