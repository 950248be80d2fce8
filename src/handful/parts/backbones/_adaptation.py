"""Parameter-efficient fine-tuning: a pretrained backbone stays frozen, and a few parameters beside it learn."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.errors import RecipeError

Method = Literal["lora", "adapter", "prompt", "shallow_prompt", "dynamic_prompt"]
LORA, ADAPTER = "lora", "adapter"
PROMPTS = ("prompt", "shallow_prompt", "dynamic_prompt")
TAKES = {  # the options that a method has
    LORA: ("rank", "alpha"),
    ADAPTER: ("bottleneck",),
    "prompt": ("prompts",),
    "shallow_prompt": ("prompts",),
    "dynamic_prompt": ("prompts", "bottleneck"),
}
RANK, BOTTLENECK, SCALE = 8, 64, 0.1  # of LoRA; of adapters, and what their output is multiplied by
LARGEST = 4096


@dataclass(frozen=True)
class AdaptationOptions:
    """How a frozen backbone is adapted.

    Attributes:
        adapt: None: its own weights are trained. "lora": low-rank updates of its linear layers (Hu et al. 2021,
            https://arxiv.org/abs/2106.09685). "adapter": a bottleneck beside each MLP (AdaptFormer, Chen et al. 2022,
            https://arxiv.org/abs/2205.13535). "prompt" and "shallow_prompt": learnt tokens before every block of a
            transformer, or before the first (Jia et al. 2022, https://arxiv.org/abs/2203.12119). "dynamic_prompt":
            learnt tokens that attend to the image's, and a bottleneck beside each MLP (He et al. 2023,
            https://arxiv.org/abs/2307.09787).
        rank: of the updates of "lora"; None: 8.
        alpha: the updates of "lora" are multiplied by alpha / rank; None: twice the rank.
        bottleneck: width of the bottlenecks; None: 64 for "adapter", 20 for "dynamic_prompt".
        prompts: number of learnt tokens; None: 10, and 50 for "dynamic_prompt".
    """

    adapt: Method | None = None
    rank: int | None = None
    alpha: float | None = None
    bottleneck: int | None = None
    prompts: int | None = None

    def __post_init__(self) -> None:
        """Refuse numbers out of range, and options of another method.

        Raises:
            ValueError: names them.
        """
        taken = TAKES.get(self.adapt or "", ())
        for name in ("rank", "alpha", "bottleneck", "prompts"):
            value = getattr(self, name)
            if value is None:
                continue
            if name not in taken:
                methods = [f'"{method}"' for method, names in TAKES.items() if name in names]
                raise ValueError(f"{name} is an option of adapt = {' or '.join(methods)}")
            if not 0 < value <= LARGEST:
                raise ValueError(f"{name} must be above 0 and at most {LARGEST}, not {value}")


NOT_ADAPTED = AdaptationOptions()


def reason_not_adapted(net: nn.Module, method: Method, *, transformer: bool) -> str | None:
    """Why a model cannot be adapted in this way; None: it can.

    Args:
        net: the model.
        method: of `AdaptationOptions`.
        transformer: it is a plain transformer, a sequence of blocks on the same tokens.
    """
    if method == LORA and not linear_layers(net):
        return "has no linear layers, which low-rank updates are for"
    if method == ADAPTER and not _mlps(net):
        return "has no MLPs in its blocks, which adapters stand beside"
    if method in PROMPTS and not transformer:
        return "is not a plain transformer, and prompts are tokens of one"
    return None


def refuse_without_package(method: Method | None, *, where: str) -> None:
    """Refuse LoRA where its library is not installed.

    Raises:
        RecipeError: names the extra.
    """
    if method == LORA and find_spec("peft") is None:
        raise RecipeError(
            'adapt = "lora" needs peft, which is not installed', where=where, remedy='pip install "handful[peft]".'
        )


def linear_layers(net: nn.Module) -> list[str]:
    """Names of the layers that low-rank updates are for: linear ones, and the 1x1 convolutions of MLPs.

    A layer is left out whose weight a block reads without calling it, with biases of its own (BEiT, EVA-02).
    """
    names = []
    for name, module in net.named_modules():
        parent: Any = net.get_submodule(name.rpartition(".")[0])
        joined = getattr(parent, "q_bias", None) is not None and not getattr(parent, "qkv_bias_separate", False)
        if (isinstance(module, nn.Linear) and not joined) or (_is_pointwise(module) and name.endswith(("fc1", "fc2"))):
            names.append(name)
    return names


def add_lora(module: nn.Module, options: AdaptationOptions) -> None:
    """Put low-rank updates beside the linear layers of a module; those start at 0."""
    from peft import LoraConfig, inject_adapter_in_model

    names = linear_layers(module)
    if names:
        rank = options.rank or RANK
        alpha: Any = 2 * rank if options.alpha is None else options.alpha
        inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=alpha, target_modules=names), module)


class Bottleneck(nn.Module):
    """Two layers with few values between them, which start by giving 0.

    Args:
        width: of its input and output.
        inner: number of values between.
        activation: between the layers.
        pointwise: for maps, as 1x1 convolutions; else for tokens.
    """

    def __init__(self, width: int, inner: int, activation: Callable[[Tensor], Tensor], *, pointwise: bool) -> None:
        super().__init__()
        self.down = nn.Conv2d(width, inner, 1) if pointwise else nn.Linear(width, inner)
        self.up = nn.Conv2d(inner, width, 1) if pointwise else nn.Linear(inner, width)
        self.activation = activation
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)  # type: ignore[arg-type]

    def forward(self, x: Float[Tensor, "n *shape"]) -> Float[Tensor, "n *shape"]:
        """What is added to an MLP's output."""
        y: Tensor = self.up(self.activation(self.down(x)))
        return y


class AdaptedMlp(nn.Module):
    """An MLP with a bottleneck beside it that reads the same input."""

    def __init__(self, mlp: Any, inner: int) -> None:
        super().__init__()
        self.mlp = mlp
        pointwise = _is_pointwise(mlp.fc2)
        width = mlp.fc2.out_channels if pointwise else mlp.fc2.out_features
        self.adapter = Bottleneck(width, inner, torch.relu, pointwise=pointwise)

    def forward(self, x: Float[Tensor, "n *shape"]) -> Float[Tensor, "n *shape"]:
        """Their sum; the bottleneck's part is multiplied by 0.1, as in the paper."""
        y: Tensor = self.mlp(x) + SCALE * self.adapter(x)
        return y


def add_adapters(module: nn.Module, options: AdaptationOptions) -> None:
    """Put a bottleneck beside each MLP of a module."""
    for name in _mlps(module):
        module.set_submodule(name, AdaptedMlp(module.get_submodule(name), options.bottleneck or BOTTLENECK))


def _mlps(net: nn.Module) -> list[str]:
    """Names of the MLPs of blocks: in and out are of one width."""
    named = ((name, getattr(module, "fc2", None)) for name, module in net.named_modules())
    return [n for n, fc2 in named if n.endswith("mlp") and (isinstance(fc2, nn.Linear) or _is_pointwise(fc2))]


def _is_pointwise(module: object) -> bool:
    return isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1
