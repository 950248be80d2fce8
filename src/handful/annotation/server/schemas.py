"""Bodies of the requests that the page sends."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from handful.annotation.files.events import MAX_SECONDS
from handful.annotation.files.store import MAX_NAME_LENGTH

MAX_CHANGES = 20_000  # entries in one request
Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS)]
Key = Annotated[str, Field(min_length=1, max_length=80)]
Base = Annotated[int, Field(ge=0)]


class LabelChange(BaseModel):
    """A new label; None resets it."""

    label: Annotated[str, Field(max_length=MAX_NAME_LENGTH)] | None = None
    cannot_tell: bool = False
    base: Base
    key: Key
    seconds: Seconds = 0.0


class PromptsChange(BaseModel):
    """All prompts of an image."""

    marks: list[dict[str, Any]]
    base: Base
    key: Key
    seconds: Seconds = 0.0


class EntryChange(BaseModel):
    """Whether an image shows a class; None: unknown."""

    key: Key
    name: Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
    present: bool | None


class EntryChanges(BaseModel):
    """Entries of several images, which are saved together."""

    changes: Annotated[list[EntryChange], Field(min_length=1, max_length=MAX_CHANGES)]
    seconds: Seconds = 0.0


class SkipChange(BaseModel):
    """Show this image last, or no longer last."""

    skipped: bool
    seconds: Seconds = 0.0


class TimeSpent(BaseModel):
    """Time spent on an image without a change."""

    kind: Literal["look", "mask", "label"]
    seconds: Seconds


class Review(BaseModel):
    """Acceptance or rejection of a propagated mask."""

    verdict: Literal["accept", "reject"]
    round: Annotated[int, Field(ge=1)]
    base: Base
    key: Key
    seconds: Seconds = 0.0


class AssistanceRequest(BaseModel):
    """Prompts for an interactive tool, and whether it starts from the current mask."""

    marks: list[dict[str, Any]]
    keep: bool = False


class NewClass(BaseModel):
    """Name of a new class."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
