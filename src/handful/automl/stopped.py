"""What can be used of an automatic run that was stopped.

Imports no PyTorch: the run may have been stopped while that was imported.
"""

import shlex
from pathlib import Path

from handful.automl.result import LOG
from handful.errors import by_interface
from handful.saving.model_folder import MODEL, is_model


def after_stop(folder: Path) -> str:
    """What can be used of a run that was stopped, and that it can be continued."""
    again = by_interface(command="The same command continues where it stopped", python="The same call continues it")
    if is_model(folder / MODEL):
        use = by_interface(command=f"`handful predict {shlex.quote(str(folder))} NEW_IMAGES` works", python="it loads")
        return f"the model is ready ({use}), and CARD.md in {folder} says how often it is right. {again}."
    text = f"there is no model yet; what was computed is kept. {again}"
    if not (folder / LOG).is_file():
        return f"{text}."
    short = by_interface(command="--budget 1s", python="seconds=1")
    return f"{text}; with {short} it ends at once with the best of what was scored so far."
