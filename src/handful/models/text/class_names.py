"""Class names taken apart into words, and the forms under which a vocabulary may know a word."""

import re

IRREGULAR = {
    "children": "child",
    "feet": "foot",
    "geese": "goose",
    "men": "man",
    "mice": "mouse",
    "oxen": "ox",
    "people": "person",
    "teeth": "tooth",
    "women": "woman",
}
_SEPARATORS = re.compile(r"[\s_\-/,.;:()'\"&+]+")
_CASE = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])|(?<=[A-ZÀ-Þ])(?=[A-ZÀ-Þ][a-zà-ÿ])")
_DIGITS = re.compile(r"(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)")


def split_name(name: str) -> tuple[str, ...]:
    """The words of a name, split at spaces, underscores, hyphens, other marks, and where small letters turn capital.

    "PoliceVan", "police_van" and "police-van" are two words, "HTTPServer" too. A single letter is not cut off: "iPod"
    and "TShirt" stay whole. Digits stay with their letters.
    """
    found: list[str] = []
    for part in filter(None, _SEPARATORS.split(name)):
        pieces = _CASE.split(part)
        found += pieces if min(map(len, pieces)) > 1 else [part]
    return tuple(found)


def split_digits(word: str) -> tuple[str, ...]:
    """A word taken apart where letters meet digits: "boeing737" is "boeing", "737"."""
    return tuple(part for part in _DIGITS.split(word) if part)


def whole_forms(name: str) -> tuple[str, ...]:
    """Forms under which a vocabulary may hold a name of several words as one: joined by underscores or hyphens."""
    words = split_name(name)
    if len(words) < 2:
        return ()
    joined = (name, "_".join(words), "-".join(words))
    return tuple(dict.fromkeys((*joined, *(j.lower() for j in joined[1:]))))


def same_words(name: str, read_as: str) -> bool:
    """Whether a name was read as just its own words, whatever their case and separators."""
    own, read = (" ".join(split_name(text)).lower() for text in (name, read_as))
    return own == read


def forms(word: str) -> tuple[str, ...]:
    """A word as it stands, then in lower case, then in what may be its singular."""
    small = word.lower()
    return tuple(dict.fromkeys((word, small, *singulars(small))))


def singulars(word: str) -> tuple[str, ...]:
    """What an English plural in lower case may be the plural of, likeliest first; nothing if it looks singular.

    A few irregular ones by name; -men to -man; -ies to -y and -ie; -ves to -f, -fe and -ve; -es after a hiss or -o; -s.
    """
    if word in IRREGULAR:
        return (IRREGULAR[word],)
    if len(word) > 4 and word.endswith("men"):
        return (word[:-2] + "an",)
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return ()
    if word.endswith("ies"):
        return (word[:-3] + "y", word[:-1])
    if word.endswith("ves"):
        return (word[:-3] + "f", word[:-3] + "fe", word[:-1])
    if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        return (word[:-2], word[:-1])
    return (word[:-1],)
