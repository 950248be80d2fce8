"""Hooks of mkdocs: pages that are generated when the site is built, and links to files outside `docs`.

The command reference comes from the command line, the list of methods from the recipes and parts, and CONTRIBUTING,
CHANGELOG and `bench/README.md` are taken in as they are. Nothing of it is written into the repository.
"""

import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))  # mkdocs loads a hook by its path

import command_pages
import method_pages

ROOT = Path(__file__).parents[2]
TAKEN_IN = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md", "bench/README.md": "bench.md"}
LINK = re.compile(r"(?<=\]\()([^)#\s:]+\.md)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and those from outside `docs`."""
    pages = {"reference/commands.md": command_pages.reference(), "papers/other-methods.md": method_pages.methods()}
    for outside, inside in TAKEN_IN.items():
        pages[inside] = (ROOT / outside).read_text(encoding="utf-8")
    decisions = sorted((ROOT / "docs" / "decisions").glob("2*.md"))
    pages["decisions/index.md"] = list_of_decisions(decisions)
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links between files of the repository lead to their pages."""
    here = page.file.src_uri
    source = next((outside for outside, inside in TAKEN_IN.items() if inside == here), f"docs/{here}")

    def in_site(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match.group(1)))
        page_path = TAKEN_IN.get(target, target.removeprefix("docs/"))
        return posixpath.relpath(page_path, posixpath.dirname(here) or ".")

    return LINK.sub(in_site, markdown)


def list_of_decisions(paths: list[Path]) -> str:
    """The page that lists notes on decisions, the newest first."""
    lines = [
        "# Decisions",
        "",
        "Notes of what was tried and settled, the newest first.",
        "",
    ]
    for path in reversed(paths):
        title = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        title = re.sub(r"^\d{4}-\d\d-\d\d: |, \d{4}-\d\d-\d\d$", "", title)
        lines.append(f"- {path.name[:10]}: [{title[0].upper()}{title[1:]}]({path.name})")
    return "\n".join(lines) + "\n"
