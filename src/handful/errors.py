"""Exceptions of handful; each has a message, a location and a remedy."""


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


def nearest(name: str, known: "list[str] | tuple[str, ...]", *, otherwise: str | None = None) -> str:
    """A remedy that suggests the known names closest to `name`; if none is close, `otherwise`, or a list of all."""
    import difflib

    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(repr(c) for c in close)}?"
    return otherwise or f"choose one of {', '.join(sorted(known))}."
