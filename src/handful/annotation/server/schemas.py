"""What the page sends with a request, checked before anything is done with it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from handful.annotation.files.store import LONGEST, LONGEST_NAME

Seconds = Annotated[float, Field(ge=0, le=LONGEST)]
Key = Annotated[str, Field(min_length=1, max_length=80)]
Base = Annotated[int, Field(ge=0)]


class LabelChange(BaseModel):
    """A label that was given, or taken back (None)."""

    label: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None
    cannot_tell: bool = False
    base: Base
    key: Key
    seconds: Seconds = 0.0


class MarksChange(BaseModel):
    """All marks of an image."""

    marks: list[dict[str, Any]]
    base: Base
    key: Key
    seconds: Seconds = 0.0


class Skip(BaseModel):
    """Ask for this image last."""

    skipped: bool
    seconds: Seconds = 0.0


class Spent(BaseModel):
    """Seconds without a change."""

    kind: Literal["look", "mask", "label"]
    seconds: Seconds


class Verdict(BaseModel):
    """What was said of a propagated mask."""

    verdict: Literal["accept", "reject"]
    round: Annotated[int, Field(ge=1)]
    base: Base
    key: Key
    seconds: Seconds = 0.0


class Assistance(BaseModel):
    """Marks to make a mask from, and whether the mask there is counts."""

    marks: list[dict[str, Any]]
    keep: bool = False


class NewClass(BaseModel):
    """A class's name."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
