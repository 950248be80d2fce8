"""Room on the disk for what a training run will write: probed before the run, and an error of ours where it ends."""

import errno
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError
from torch import nn

from handful.errors import OutputError

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
HEADER = 2**20  # bytes for names and shapes, recipe and card


def tensor_bytes(*modules: nn.Module | None) -> int:
    """Bytes of the weights of networks."""
    tensors = (tensor for module in modules if module is not None for tensor in module.state_dict().values())
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors if hasattr(tensor, "numel"))


def refuse_full_disk(folder: Path, sizes: Sequence[int]) -> None:
    """Refuse a folder whose disk, quota or file system cannot take files of these sizes at the same time.

    The files are allocated for a moment, where the system can, beside the folder.

    Args:
        folder: the output; its parent is made.
        sizes: in bytes.

    Raises:
        OutputError: says how much is needed.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    files: list[int] = []
    try:
        for size in sizes:
            number, name = tempfile.mkstemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent)
            files.append(number)
            Path(name).unlink()
            os.posix_fallocate(number, 0, size + HEADER)
    except OSError as error:
        if error.errno in FULL:  # others: the file system does not allocate, so it cannot be asked
            raise OutputError(
                f"no room for the model: {os.strerror(error.errno)} ({sum(sizes) / 1e6:.0f} MB are needed)",
                where=folder,
                remedy="free disk space, or choose a folder on another disk.",
            ) from error
    finally:
        for number in files:
            with suppress(OSError):
                os.close(number)


@contextmanager
def refuse_when_full(path: Path, what: str, *, remedy: str) -> Iterator[None]:
    """Turn the errors of a disk that is full into one of ours.

    Args:
        path: what is written in the block.
        what: its name, e.g. "the checkpoint".
        remedy: what the user can do.

    Raises:
        OutputError: the disk, a quota or the largest size of a file is reached.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        number = error.errno if isinstance(error, OSError) else _system_error(error)
        if number not in FULL:
            raise
        raise OutputError(f"{what} cannot be written: {os.strerror(number)}", where=path, remedy=remedy) from error


def _system_error(error: SafetensorError) -> int | None:
    """The number of the system's error, which safetensors only writes into its message."""
    found = re.search(r"os error (\d+)", str(error))
    return None if found is None else int(found.group(1))
