"""Split class names into words, and list the forms under which a vocabulary may have a word."""

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
    """The words of a name, split at spaces, underscores, hyphens, other punctuation, and changes of case.

    "PoliceVan", "police_van", "police-van" and "HTTPServer" have two words. Single letters are not split off: "iPod"
    and "TShirt" are one word. Digits stay with their letters.
    """
    words: list[str] = []
    for part in filter(None, _SEPARATORS.split(name)):
        pieces = _CASE.split(part)
        words += pieces if min(map(len, pieces)) > 1 else [part]
    return tuple(words)


def split_digits(word: str) -> tuple[str, ...]:
    """A word split where letters meet digits: "boeing737" is "boeing", "737"."""
    return tuple(part for part in _DIGITS.split(word) if part)


def joined_forms(name: str) -> tuple[str, ...]:
    """Forms under which a vocabulary may have a name of several words as one word, joined by underscores or hyphens."""
    words = split_name(name)
    if len(words) < 2:
        return ()
    joined = (name, "_".join(words), "-".join(words))
    return tuple(dict.fromkeys((*joined, *(j.lower() for j in joined[1:]))))


def same_words(name: str, read_as: str) -> bool:
    """Whether a name was read as its own words, apart from case and separators."""
    words, read_words = (" ".join(split_name(text)).lower() for text in (name, read_as))
    return words == read_words


def word_forms(word: str) -> tuple[str, ...]:
    """A word as it is written, in lower case, and in its possible singular forms."""
    lower = word.lower()
    return tuple(dict.fromkeys((word, lower, *singulars(lower))))


def singulars(word: str) -> tuple[str, ...]:
    """Possible singulars of an English plural in lower case, most likely first; none for a word that looks singular.

    Some irregular plurals; -men to -man; -ies to -y and -ie; -ves to -f, -fe and -ve; -es after a sibilant or -o; -s.
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
