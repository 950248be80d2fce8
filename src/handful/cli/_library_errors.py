"""Errors that libraries and the operating system raise, explained: what is wrong, where, and the remedy."""

import errno
import os
import re
from collections.abc import Collection

from handful.errors import HandfulError

_DISK = "free some disk space, or choose another place for the output."
_REMEDIES = {
    errno.ENOSPC: _DISK,
    errno.EFBIG: _DISK,
    errno.EDQUOT: _DISK,
    errno.EROFS: "choose another place for the output.",
    errno.EACCES: "check the permissions of the path.",
    errno.EPERM: "check the permissions of the path.",
    errno.ENOENT: "check the path.",
    errno.ENOTDIR: "check the path.",
    errno.EISDIR: "check the path.",
    errno.ENAMETOOLONG: "use a shorter name.",
    errno.ELOOP: "the link leads to itself: remove it.",
    errno.EMFILE: "raise the limit of open files (ulimit -n 4096).",
    errno.ENFILE: "close other programs, or raise the limit of open files.",
}
_OTHER = "check the path, its permissions and the disk space."
_RUST = re.compile(r"\(os error (\d+)\)")  # safetensors and tokenizers name the system's error in their text


def explain(error: BaseException, options: Collection[str]) -> HandfulError | None:
    """An error of a library as one of ours; None if it is none that a user can cause, so that it is a fault of handful.

    Args:
        error: what was raised.
        options: names of the options of the command that runs, so that no remedy names another.
    """
    if isinstance(error, HandfulError):
        return error
    if _out_of_memory(error):
        return HandfulError("not enough memory", where=_device(error), remedy=_less_memory(options))
    if isinstance(error, ValueError) and "embedded null" in str(error):
        return HandfulError(
            "a path contains the character NUL", remedy="check the paths in the options, table and recipe."
        )
    if isinstance(error, UnicodeDecodeError):
        what = f"a file is not UTF-8 text (byte {error.object[error.start]:#04x} at position {error.start})"
        return HandfulError(what, remedy="save the text files as UTF-8: table, recipe, class names.")
    if isinstance(error, ModuleNotFoundError) and (error.name or "handful").split(".")[0] != "handful":
        return HandfulError(
            f"the package {error.name} is not installed", remedy="install handful again, with its extras."
        )
    if "CUDA error" in str(error) or "CUDA driver" in str(error):
        other = "update the driver" + (", or compute on the CPU: --device cpu." if "device" in options else ".")
        return HandfulError(f"the GPU failed ({_first_line(error)})", remedy=other)
    return _system_error(error)


def last_line(error: BaseException) -> str:
    """Type and first line of an error, as the last line of a traceback has them."""
    text = _first_line(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")


def _system_error(error: BaseException) -> HandfulError | None:
    """An error of the operating system, raised by Python or by a library in Rust."""
    if isinstance(error, OSError):
        number, what, where = error.errno, error.strerror, error.filename
        if what is None:
            what = _first_line(error)
    elif match := _RUST.search(str(error)):
        number, where = int(match[1]), None
        what = os.strerror(number)
    else:
        return None
    if not what:
        return None
    name = os.fsdecode(where) if isinstance(where, str | bytes) else where
    return HandfulError(what, where=name, remedy=_REMEDIES.get(number or 0, _OTHER))


def _out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, in Python, NumPy or torch; torch says so in a text only."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and ("can't allocate memory" in str(error) or "out of memory" in str(error))


def _device(error: BaseException) -> str | None:
    return "GPU" if "CUDA" in str(error) or "MPS" in str(error) else None


def _less_memory(options: Collection[str]) -> str:
    """The options of the running command that need less memory."""
    ways = []
    if "jobs" in options:
        ways.append("fewer --jobs")
    if "set_" in options:
        ways += ["smaller images (--set image_size=[h,w])", "a smaller --set batch_size=N"]
    if "device" in options:
        ways.append("--device cpu instead of a GPU")
    return f"use {', or '.join(ways)}." if ways else "close other programs, or use smaller images."
