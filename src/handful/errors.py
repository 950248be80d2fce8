"""Errors of ours: each says what is wrong, where, and the remedy."""


class HandfulError(Exception):
    """Base of every error that a user can cause.

    Args:
        what: one sentence, what is wrong.
        where: the file, table row, option or class it was found in.
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
        """Survive the way back from a worker process."""
        return _rebuild, (type(self), self.what, None if self.where is None else str(self.where), self.remedy)


def _rebuild(kind: type[HandfulError], what: str, where: object, remedy: str) -> HandfulError:
    return kind(what, where=where, remedy=remedy)


class DataError(HandfulError):
    """The images, labels, masks or tables cannot be used as they are."""


class RecipeError(HandfulError):
    """A recipe, a part or an option that does not exist or does not fit."""


class WeightsError(HandfulError):
    """Pretrained weights that cannot be had here."""


class ModelError(HandfulError):
    """A saved model that is damaged, foreign or newer than this version."""


class TrainingError(HandfulError):
    """Training cannot start or cannot go on."""


class ProtocolError(HandfulError):
    """The evaluation asked for does not fit the data."""


class OutputError(HandfulError):
    """Something is already where the output should go."""


class HandfulWarning(UserWarning):
    """Something in the data or the options that deserves a look, but is no error.

    Example:
        >>> import warnings
        >>> from handful import HandfulWarning
        >>> warnings.simplefilter("ignore", HandfulWarning)  # no notes on doubtful data
    """


def nearest(name: str, known: "list[str] | tuple[str, ...]", *, otherwise: str | None = None) -> str:
    """A remedy that names the nearest known names; when none is near `otherwise`, or all of them without it."""
    import difflib

    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(repr(c) for c in close)}?"
    return otherwise or f"choose one of {', '.join(sorted(known))}."
