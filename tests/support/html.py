"""A page as a test reads it."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path


class Page(HTMLParser):
    """The page's text, pictures and tags; fails on tags that do not close."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.words: list[str] = []
        self.images: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "img":
            self.images.append(dict(attrs)["src"] or "")
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.separate(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.separate(tag)

    def separate(self, tag: str) -> None:
        """A tag separates words, but for that of a term that is explained within a sentence."""
        if tag != "abbr":
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def stands_alone(self) -> bool:
        """Whether everything the page shows is in it."""
        links = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\'\s)>]+)', self.source)
        alone = all(link.startswith(("data:", "#")) for link in [*links, *self.images])
        return alone and "<script" not in self.source

    def accessible(self) -> None:
        """Headings in order, heads that say what they head, pictures that say what they show, scrolling by keyboard."""
        levels = [int(tag[1]) for tag, _ in self.tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        for tag, own in self.tags:
            if tag == "th":
                assert own.get("scope") in ("col", "colgroup", "row", "rowgroup")
            if tag == "img":
                assert own.get("alt")
            if "wide" in (own.get("class") or "").split():
                assert own.get("tabindex") == "0"
            if own.get("role") == "img":
                assert own.get("aria-label")

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).replace("\u00a0", " ").split())
