"""Silence the exporters' warnings and logs; extract the first line of their errors."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("torch.onnx", "torch.export", "torch.fx", "onnxscript", "onnx_ir", "root")


@contextmanager
def silence_exporters() -> Iterator[None]:
    """Context without the warnings and log lines of PyTorch's exporters."""
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


def first_error_line(error: BaseException) -> str:
    """The first line of an export error's root cause; the outermost message only explains how to report a bug."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
