"""What exporters say: much for their developers, and the one line that tells a user what is wrong."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

TALKATIVE = ("torch.onnx", "torch.export", "torch.fx", "onnxscript", "onnx_ir", "root")


@contextmanager
def quiet() -> Iterator[None]:
    """Neither warnings nor log lines of theirs."""
    levels = {name: logging.getLogger(name).level for name in TALKATIVE}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in TALKATIVE:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


def reason(error: BaseException) -> str:
    """The first line of what an exporter stumbled on; its own message is about how to report it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
