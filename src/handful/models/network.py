"""A network with its labels: normalise, backbone, head, comparison with the class vectors."""

from collections.abc import Iterable
from dataclasses import replace
from math import log
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.tensors import Backbone, LabelEmbedding, Output
from handful.models.feature_cache import FeatureCache

COLDEST = 0.01  # a learnt temperature stays above it, as CLIP's does (Radford et al. 2021, section 2.5)


class ClassSimilarity(nn.Module):
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

    `losses` holds what the training losses learn or remember (centers, temperatures), so that it is trained and kept in
    checkpoints with the weights. A saved model does not have it.
    `keeps_maps`: in training mode, outputs have the feature maps, for losses that read them; `shows_maps`: always, for
    a posthoc part that reads them.
    `cache`, where there is one, keeps the features under a fitted head on disk. `frozen` names the parameters that were
    built frozen: no stage of a training trains them.
    """

    mean: Tensor
    std: Tensor
    cache: FeatureCache | None = None
    keeps_maps = False
    shows_maps = False

    def __init__(self, backbone: Backbone, head: nn.Module, labels: LabelEmbedding) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(1, 3, 1, 1))
        self.backbone = backbone.network
        self.head = head
        self.compare = ClassSimilarity(labels)
        # Convolutions prefer channels-last; with group norm a bfloat16 step on a CPU takes a quarter longer in it
        # (python -m bench speed-layout).
        grouped = any(isinstance(m, nn.GroupNorm) for m in self.modules())
        self.layout = torch.contiguous_format if grouped else torch.channels_last
        self.frozen = self._frozen_names()

    def add_losses(self, losses: Iterable[nn.Module]) -> None:
        """Hold the losses that have parameters or buffers of their own."""
        self.losses = nn.ModuleList(losses)
        self.frozen = self._frozen_names()

    def _frozen_names(self) -> frozenset[str]:
        return frozenset(name for name, parameter in self.named_parameters() if not parameter.requires_grad)

    def forward(self, images: Float[Tensor, "n 3 h w"], maps: Float[Tensor, "n c h2 w2"] | None = None) -> Output:
        """Images in [0, 1] to embeddings, logits, features and, from segmenting heads, pixel scores.

        `maps`: what `frozen_maps` gave for these images, when it was kept; then only the images' size is read.
        """
        if maps is None and getattr(self.head, "fitted", False):
            fitted: Output = self._fitted.output(self.features(images))
            return fitted
        found = self.feature_maps(images) if maps is None else self._stages.rest(maps)
        output: Output = self.head(found, size=tuple(images.shape[-2:]), compare=self.compare)
        return replace(output, maps=found) if self.shows_maps or (self.keeps_maps and self.training) else output

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
