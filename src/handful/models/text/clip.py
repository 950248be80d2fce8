"""Image-text models of the transformers library (CLIP, Radford et al. 2021, https://arxiv.org/abs/2103.00020).

Any model with `get_image_features` and `get_text_features`, such as CLIP, SigLIP and ALIGN, by hub name or folder.
Local copies are loaded first; the hub is used only if it answers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from handful.errors import WeightsError
from handful.models.hub import local_first
from handful.models.text.encoder_files import check_folder

INSTALL = "pip install 'handful[words]'."
REMEDY = (
    "give the folder of a CLIP-type model of the transformers library, or its hub name where there is a network; "
    "offline, the recipes conse and logistic-names read class names with the embedded network."
)


def load_pretrained(kind: str, model: str, **options: Any) -> Any:
    """`transformers.<kind>.from_pretrained(model, **options)`, from this machine first.

    Args:
        kind: a class of the library: "AutoModel", "AutoConfig", "AutoTokenizer", ...
        model: hub name or folder.
        **options: passed to `from_pretrained`.

    Raises:
        WeightsError: transformers is not installed, the model is neither on this machine nor on the hub, or it asks for
            code of its own.
    """
    try:
        import transformers
    except ImportError as error:
        raise WeightsError("transformers is not installed", where=model, remedy=INSTALL) from error
    check_folder(model)
    transformers.utils.logging.disable_progress_bar()  # of loading; downloads have one of their own
    auto_class = getattr(transformers, kind)
    try:
        with torch.random.fork_rng(devices=[]):
            return local_first(auto_class.from_pretrained, model, trust_remote_code=False, **options)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise WeightsError(
            f"the image-text model cannot be loaded: {(str(error).splitlines() or ['?'])[0][:120]}",
            where=model,
            remedy=REMEDY,
        ) from error


def projected_features(output: Any) -> torch.Tensor:
    """The embeddings [n d] in the shared space; before transformers 5 the output is the tensor itself."""
    features: torch.Tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    return features.float()


def check_image_text(network: Any, model: str) -> None:
    """Refuse a model that does not encode both images and texts.

    Raises:
        WeightsError: it has no image features, or no text features.
    """
    if not (hasattr(network, "get_image_features") and hasattr(network, "get_text_features")):
        raise WeightsError(f"{type(network).__name__} is not an image-text model", where=model, remedy=REMEDY)


def encode_texts(texts: Sequence[str], *, model: str) -> Float[np.ndarray, "n d"]:
    """Text embeddings, float32, computed on the CPU.

    Args:
        texts: what to encode.
        model: hub name or folder of an image-text model.

    Raises:
        WeightsError: the model cannot be loaded, or has no text features.
    """
    network = load_pretrained("AutoModel", model).eval()
    check_image_text(network, model)
    tokens = load_pretrained("AutoTokenizer", model)(list(texts), padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        return projected_features(network.get_text_features(**tokens)).numpy()
