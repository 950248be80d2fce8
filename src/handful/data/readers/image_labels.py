"""What an annotation file lists of one image."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageLabels:
    """The labels of an image in an annotation file.

    Attributes:
        paths: possible paths of the image below the file's folder, the likeliest first.
        where: position in the file, for errors.
        present: classes that it is listed with.
        absent: classes that are stated to be absent.
        unsure: classes of which the file states that it does not know.
        shows_none: it is stated to show none of the classes.
        partial: what is not listed is unknown, since the file states what is absent.
    """

    paths: tuple[str, ...]
    where: str
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    shows_none: bool = False
    partial: bool = False
