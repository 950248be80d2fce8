"""Extension of griffe: a docstring's section `Example:` is one of examples, not a box of text."""

import re
from typing import Any

from griffe import Extension, Object


class Examples(Extension):
    """Names the section as griffe knows it."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rename the section of an object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
