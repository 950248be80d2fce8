"""Models of the Hugging Face hub: this machine's copy first, and the hub only if it answers.

Asked for a model without a network, the hub's own library goes on trying for half a minute or more.
"""

import contextlib
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

PATIENCE = 8.0  # seconds without an answer


def local_first(load: Callable[..., Any], model: str, **options: Any) -> Any:
    """`load(model, **options)`, where `load` is a `from_pretrained` or its like.

    Args:
        load: takes `local_files_only`.
        model: a folder, or a name on the hub.
        **options: handed on to `load`.

    Raises:
        OSError: the model is not on this machine, and the hub does not answer or does not have it.
        ValueError: from `load`: it is of another kind.
    """
    try:
        with _offline():
            return load(model, local_files_only=True, **options)
    except (OSError, ValueError):
        if Path(model).exists():
            raise
        reach()
        return load(model, **options)


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """No request to the hub: with `local_files_only` transformers still asks it for adapters of a model."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


class Probe:
    """Whether the hub answers, asked in the background: nobody waits for it."""

    def __init__(self) -> None:
        from huggingface_hub.constants import HF_HUB_OFFLINE  # here, as `local_first` changes it for a while

        self.answers = False
        self.thread = threading.Thread(target=self._ask, daemon=True)
        if not HF_HUB_OFFLINE:
            self.thread.start()

    def _ask(self) -> None:
        with contextlib.suppress(OSError):
            reach()
            self.answers = True


def reach() -> None:
    """Return if the hub answers, whatever it says.

    Raises:
        OSError: it does not, within seconds.
    """
    from huggingface_hub.constants import ENDPOINT

    request = urllib.request.Request(ENDPOINT, method="HEAD")
    try:
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(request, timeout=PATIENCE).close()
    except HTTPException as error:
        raise OSError(f"{ENDPOINT} does not answer like an HTTP server ({error})") from error
