"""Models that put images and texts into one space (CLIP, Radford et al. 2021, https://arxiv.org/abs/2103.00020).

Any of the transformers library that gives `get_image_features` and `get_text_features`: CLIP, SigLIP, ALIGN and their
like, by hub name or folder. They are read from this machine first; the hub is asked only if it answers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from handful.errors import WeightsError
from handful.models.hub import local_first

INSTALL = "pip install 'handful[words]'."
REMEDY = (
    "give the folder of a CLIP-type model of the transformers library, or its hub name where there is a network; "
    "offline, leave the zero-shot control out."
)


def load_pretrained(kind: str, model: str, **options: Any) -> Any:
    """What `transformers.<kind>.from_pretrained(model)` gives: "AutoModel", "AutoConfig", "AutoTokenizer", ...

    Raises:
        WeightsError: transformers is not installed, or there is no such model on this machine or the hub.
    """
    try:
        import transformers
    except ImportError as error:
        raise WeightsError("transformers is not installed", where=model, remedy=INSTALL) from error
    maker = getattr(transformers, kind)
    try:
        with torch.random.fork_rng(devices=[]):
            return local_first(maker.from_pretrained, model, **options)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise WeightsError(
            f"the image-text model cannot be loaded: {(str(error).splitlines() or ['?'])[0][:120]}",
            where=model,
            remedy=REMEDY,
        ) from error


def projected_features(output: Any) -> torch.Tensor:
    """The projected vectors [n d], which libraries before transformers 5 give bare."""
    found: torch.Tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    return found.float()


def check_image_text(network: Any, model: str) -> None:
    """Refuse a model that knows images or texts only.

    Raises:
        WeightsError: it has no image or no text features.
    """
    if not (hasattr(network, "get_image_features") and hasattr(network, "get_text_features")):
        raise WeightsError(
            f"{type(network).__name__} does not put images and texts into one space", where=model, remedy=REMEDY
        )


def encode(texts: Sequence[str], *, model: str) -> Float[np.ndarray, "n d"]:
    """One float32 vector per text, on the CPU.

    Raises:
        WeightsError: as `load`; or the model has no text features.
    """
    network = load_pretrained("AutoModel", model).eval()
    check_image_text(network, model)
    tokens = load_pretrained("AutoTokenizer", model)(list(texts), padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        return projected_features(network.get_text_features(**tokens)).numpy()
