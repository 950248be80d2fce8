"""Exceptions of handful; each has a message, a location and a remedy, in the words of whoever called.

A message never spells an option itself: `option` writes `--overwrite` in a command and `overwrite=True` in Python.
"""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

COMMAND_LINE = "HANDFUL_COMMAND_LINE"  # environment variable: options of the running command, for worker processes too
ANY_OPTION = "*"
FLAGS = {"columns": "column", "overrides": "set"}  # options of commands that Python names differently
LISTS = ("overrides",)  # of which Python takes a list, and a command one at a time


class HandfulError(Exception):
    """Base class of all errors that a user can cause.

    Args:
        what: one sentence that says what is wrong.
        where: the file, table row, option or class with the fault.
        remedy: what the user can do about it.

    Example:
        >>> from handful import HandfulError, load_recipe
        >>> try:
        ...     load_recipe("clasification-wrn")
        ... except HandfulError as error:
        ...     print(error.what)
        unknown recipe 'clasification-wrn'
    """

    def __init__(self, what: str, *, where: object = None, remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        text = f"{where}: {what}" if where is not None else what
        super().__init__(f"{text}\n  Remedy: {remedy}" if remedy else text)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with all arguments, for errors in worker processes."""
        return _rebuild, (type(self), self.what, None if self.where is None else str(self.where), self.remedy)


def _rebuild(kind: type[HandfulError], what: str, where: object, remedy: str) -> HandfulError:
    return kind(what, where=where, remedy=remedy)


class DataError(HandfulError):
    """The images, labels, masks or tables cannot be used as they are."""


class RecipeError(HandfulError):
    """A recipe, a part or an option that does not exist, or is invalid."""


class WeightsError(HandfulError):
    """Pretrained weights that are not available."""


class ModelError(HandfulError):
    """A saved model that is damaged, not a model of handful, or newer than this version."""


class TrainingError(HandfulError):
    """Training cannot start or cannot continue."""


class ProtocolError(HandfulError):
    """The requested evaluation is impossible with the data."""


class OutputError(HandfulError):
    """An output cannot be written, e.g. because it exists."""


class HandfulWarning(UserWarning):
    """Something doubtful in the data or the options that is not an error.

    Example:
        >>> import warnings
        >>> from handful import HandfulWarning
        >>> warnings.simplefilter("ignore", HandfulWarning)  # no warnings about doubtful data
    """


@contextmanager
def command_line() -> Iterator[None]:
    """Within this context, messages are in words of the command line, also in worker processes started from it."""
    before = os.environ.get(COMMAND_LINE)
    os.environ[COMMAND_LINE] = ANY_OPTION
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(COMMAND_LINE, None)


def by_interface(*, command: str, python: str) -> str:
    """The first text in a command, the second in Python: for messages that differ by more than an option's spelling."""
    return command if COMMAND_LINE in os.environ else python


def name_options(flags: Iterable[str]) -> None:
    """Within `command_line`: the options of the command that runs, such as --overwrite, for `offers`."""
    os.environ[COMMAND_LINE] = " ".join(flags)


def offers(name: str) -> bool:
    """Whether a remedy may name an option: in a command, whether it has that option; in Python, always.

    Args:
        name: the keyword argument in Python.
    """
    flags = os.environ.get(COMMAND_LINE, ANY_OPTION)
    return flags == ANY_OPTION or f"--{_flag(name)}" in flags.split()


def hint(name: str, value: object = True) -> str:
    """An option in parentheses, after a blank, as `option` writes it; empty if the running command does not have it."""
    return f" ({option(name, value)})" if offers(name) else ""


def alternatives(ways: Sequence[str]) -> str:
    """Several ways out as the sentence of a remedy: "a, b, or c."."""
    return f"{', '.join(ways[:-1])}{',' if len(ways) > 2 else ''} or {ways[-1]}." if len(ways) > 1 else f"{ways[0]}."


def _flag(name: str) -> str:
    return FLAGS.get(name, name).replace("_", "-")


def option(name: str, value: object = True) -> str:
    """An option in a message, as it is written where the user is: in a command, quoted for the shell, or in Python.

    Args:
        name: the keyword argument in Python.
        value: True for a flag; None names the option without a value. A text in capitals stands for a value.

    Example:
        >>> from handful.errors import command_line, option
        >>> option("overwrite"), option("folds", 5), option("columns", {"path": "NAME"})
        ('overwrite=True', 'folds=5', 'columns={"path": NAME}')
        >>> with command_line():
        ...     option("overwrite"), option("folds", 5), option("columns", {"path": "NAME"}), option("multilabel", "|")
        ('--overwrite', '--folds 5', '--column path=NAME', "--multilabel '|'")
    """
    flag = _flag(name)
    if isinstance(value, bool):
        return by_interface(command=f"--{flag}" if value else f"--no-{flag}", python=f"{name}={value}")
    if value is None:
        return by_interface(command=f"--{flag}", python=name)
    if isinstance(value, Mapping):
        pairs = " ".join(f"--{flag} {shlex.quote(f'{key}={v}')}" for key, v in value.items())
        inner = ", ".join(f'"{key}": {_literal(v)}' for key, v in value.items())
        return by_interface(command=pairs, python=f"{name}={{{inner}}}")
    literal = f"[{_literal(value)}]" if name in LISTS else _literal(value)
    return by_interface(command=f"--{flag} {shlex.quote(str(value))}", python=f"{name}={literal}")


def _literal(value: object) -> str:
    """A value in Python; a text in capitals stands for one, and is not quoted."""
    return f'"{value}"' if isinstance(value, str) and not value.isupper() else str(value)


def nearest(name: str, known: "list[str] | tuple[str, ...]", *, otherwise: str | None = None) -> str:
    """A remedy that suggests the known names closest to `name`; if none is close, `otherwise`, or a list of all.

    Near misspellings come first, then names that begin `name` as whole words (`logistic` of `logistic-regression`),
    then those of similar spelling.
    """
    import difflib

    slips = difflib.get_close_matches(name, known, n=3, cutoff=0.8)
    begins = sorted((k for k in known if name.startswith((f"{k}-", f"{k}_"))), key=len, reverse=True)
    alike = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    close = list(dict.fromkeys((*slips, *begins, *alike)))[:3]
    if close:
        return f"did you mean {' or '.join(repr(c) for c in close)}?"
    return otherwise or f"choose one of {', '.join(sorted(known))}."
