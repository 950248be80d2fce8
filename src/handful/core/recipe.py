"""Recipe dataclasses: `Recipe`, its stages and parts, as plain values that are read without PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Part:
    """A part by name, with its options.

    Attributes:
        name: name of the module in the part's folder.
        options: keyword arguments of the part's `build`.
        weight: factor of a loss; unused by other parts.
        start: share of training after which the part is active, in [0, stop).
        stop: share of training after which it is not, in (start, 1].
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    start: float = 0.0
    stop: float = 1.0


@dataclass(frozen=True)
class Optimizer:
    """Optimizer of a stage.

    Attributes:
        name: "sgd" (with momentum) or "adamw".
        lr: peak learning rate.
        momentum: of SGD; unused by AdamW.
        weight_decay: coefficient of the L2 penalty (SGD) or of decoupled weight decay (AdamW).
        nesterov: use Nesterov momentum.
        decay_norms: apply weight decay to biases and norm layers, too.
        clip: largest norm of the gradient; None: gradients are not clipped.
        layer_decay: factor of the learning rate from each backbone stage to the one before: the last stage has lr times
            this, the one before lr times its square (ELECTRA, Clark et al. 2020, https://arxiv.org/abs/2003.10555,
            fine-tuning details). All other layers have lr.
    """

    name: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    nesterov: bool = False
    decay_norms: bool = True
    clip: float | None = None
    layer_decay: float = 1.0


@dataclass(frozen=True)
class Schedule:
    """Learning rate over a stage: linear warm-up, then constant, cosine annealing or steps.

    Attributes:
        name: "constant", "cosine" or "step".
        warmup: share of the stage with linear warm-up.
        initial: learning rate at which warm-up begins; None: near 0.
        final: where "cosine" ends, as a factor of lr.
        milestones: shares of the stage at which "step" multiplies the learning rate by `factor`.
        factor: see `milestones`.
    """

    name: Literal["constant", "cosine", "step"] = "cosine"
    warmup: float = 0.05
    initial: float | None = None
    final: float = 0.0
    milestones: tuple[float, ...] = (0.6, 0.8)
    factor: float = 0.1


@dataclass(frozen=True)
class View:
    """A further view of the images of a batch, which a loss compares with the first, that of `Recipe.augment`.

    Attributes:
        augment: augmentations of this view, in the order in which they are applied.
        of: "all" images of the batch, or the "unlabelled" ones.
        source: what is augmented: the "image", or the "first_view", whose pixels then correspond.
    """

    augment: tuple[Part, ...] = ()
    of: Literal["all", "unlabelled"] = "all"
    source: Literal["image", "first_view"] = "image"


@dataclass(frozen=True)
class Stage:
    """One stage of training. Its budget is either `steps` or `epochs`.

    Attributes:
        losses: losses that are added, each times its weight.
        steps: number of steps.
        epochs: number of passes through the training images.
        floor: smallest number of steps where `epochs` is given.
        trainable: "all", or name prefixes of the parameters that are trained, e.g. ("head",).
        optimizer: see `Optimizer`.
        schedule: see `Schedule`.
        sampler: frequency of a class of n images: proportional to n ("shuffle", every image once an epoch), to the
            square root of n ("square_root"), or the same for all classes ("balanced"). "masks": as many images with a
            mask as without. "masked": images with a mask alone.
        reset: name prefixes of the layers that are set back to their initial weights when the stage begins.
        statistics: statistics of the backbone's batch norm layers: those of each "batch", or the initial ones
            ("frozen"). Scale and shift are trained in both cases.
        stopping_threshold: early stopping: the stage ends once the moving average of the training loss over about ten
            steps is below this; None: it takes all its steps.
        views: further views of each batch, for losses that compare views.
        unlabelled: unlabelled images per labelled image in a batch, from a stream of their own. `batch_size`,
            `fill_batch`, `epochs` and `sampler` then count labelled images, and the loss is the mean over the labelled
            images plus that over the unlabelled ones. None: one stream of all images.
    """

    losses: tuple[Part, ...]
    steps: int | None = None
    epochs: int | None = None
    floor: int = 0
    trainable: tuple[str, ...] | Literal["all"] = "all"
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    sampler: Literal["shuffle", "balanced", "square_root", "masks", "masked"] = "shuffle"
    reset: tuple[str, ...] = ()
    statistics: Literal["batch", "frozen"] = "batch"
    stopping_threshold: float | None = None
    views: tuple[View, ...] = ()
    unlabelled: float | None = None


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a training run, as plain values; read from and written to TOML.

    Attributes:
        name: name of the recipe; not part of its fingerprint.
        backbone: feature extractor.
        head: classifier on its features.
        stages: stages of training, in order; none for a head that is fitted to frozen features.
        labels: class vectors that the head's output is compared with.
        hierarchy: class tree that some losses read; unused after training.
        prepare: parts that complete the training data before training, e.g. with masks.
        augment: augmentations, in the order in which they are applied.
        posthoc: parts applied to the trained classifier, in order.
        batch_size: images per step.
        fill_batch: repeat the images (each time augmented anew) until a batch is full where there are fewer.
        image_size: h and w of the network's input; None: the size of the images, which must be one.
        resize: how images are brought to that size.
        ema: decay of the exponential moving average of the weights; None: no average.
        peers: networks that are trained beside the one that predicts, from other initial weights, for losses that read
            them; each costs as much as it. A saved model does not have them.
        cache_views: number of augmented views per image for which the maps of frozen stages are computed once; 0: none.
        precision: floating-point format of training.
        about: paper, command, expected score, time: shown to readers only.
        search: search space for tuning: option path to its choices, or to low, high and log.

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
    hierarchy: Part | None = None
    prepare: tuple[Part, ...] = ()
    augment: tuple[Part, ...] = ()
    posthoc: tuple[Part, ...] = ()
    batch_size: int = 32
    fill_batch: bool = False
    image_size: tuple[int, int] | None = None
    resize: Literal["squash", "pad", "crop"] = "squash"
    ema: float | None = None
    peers: int = 0
    cache_views: int = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    about: Mapping[str, str] = field(default_factory=dict)
    search: Mapping[str, Any] = field(default_factory=dict)
