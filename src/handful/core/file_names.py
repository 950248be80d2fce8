"""File names as text: bytes that are not UTF-8, Unicode forms, control characters; and names that systems write."""

import os
import re
import unicodedata

# Folders and files that operating systems, file servers and viewers write by themselves; compared in lower case.
_SYSTEM_NAMES = frozenset(
    (
        "__macosx",
        "__pycache__",
        "@eadir",
        "@recycle",
        "@recently-snapshot",
        "@sharebin",
        "@tmp",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "recycler",
        "system volume information",
        "lost+found",
        "network trash folder",
        "temporary items",
        "icon\r",
        "thumbs.db",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "desktop.ini",
        "picasa.ini",
    )
)


def is_system_name(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or written by an operating system: never data of a user.

    Example:
        >>> from handful.core.file_names import is_system_name
        >>> [is_system_name(name) for name in (".DS_Store", "__MACOSX", "@eaDir", "Thumbs.db", "__background__")]
        [True, True, True, True, False]
    """
    return name.startswith(".") or name.casefold() in _SYSTEM_NAMES


def as_unicode(name: str) -> str:
    r"""A file name as valid Unicode: bytes that are not UTF-8 become escapes of their values.

    Example:
        >>> from handful.core.file_names import as_unicode
        >>> print(as_unicode("caf\udce9.png"))
        caf\xe9.png
    """
    try:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a surrogate pair, from another system's Unicode
        return name.encode("utf-8", "backslashreplace").decode("utf-8")


def from_unicode(name: str) -> str:
    """The file name that `as_unicode` made this text of; any other text is returned as it is."""
    raw = re.sub(rb"\\x([89a-f][0-9a-f])", lambda match: bytes.fromhex(match[1].decode("ascii")), os.fsencode(name))
    return os.fsdecode(raw)


def as_id(path: str) -> str:
    """A path below the root of a data set as the id of its image: valid Unicode in its composed form (NFC)."""
    return unicodedata.normalize("NFC", as_unicode(path))


def printable(name: str) -> str:
    r"""A name for messages: control characters and line breaks, which would garble a terminal, become escapes.

    Example:
        >>> from handful.core.file_names import printable
        >>> print(printable("two\nlines"))
        two\nlines
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in as_unicode(name))
