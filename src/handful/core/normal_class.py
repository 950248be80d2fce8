"""The class whose name says that nothing is wrong, such as good parts, healthy leaves or negative smears."""

import re
from collections.abc import Sequence

NAMES = (  # words of a class's name that say so
    *("background", "empty", "faultless", "flawless", "free", "good", "healthy", "intact"),
    *("negative", "normal", "ok", "okay"),
)
NEGATIONS = ("bad", "no", "non", "not", "un")  # before such a word: the opposite
NOTHING = (  # after "no" or "non": so too
    *("defect", "defects", "disease", "diseases", "fault", "faults", "finding", "findings"),
    *("tumor", "tumors", "tumour", "tumours"),
)


def find_normal_class(classes: Sequence[str]) -> str | None:
    """The one class whose name says that nothing is wrong; None: no class, or several."""
    named = [name for name in classes if _says_normal(name)]
    return named[0] if len(named) == 1 and len(classes) > 1 else None


def _says_normal(name: str) -> bool:
    """Whether a word of the name says that nothing is wrong, and no word before it says the opposite."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    for before, word in zip(["", *words], words, strict=False):
        if (word in NAMES and before not in NEGATIONS) or (word in NOTHING and before in ("no", "non")):
            return True
    return False
