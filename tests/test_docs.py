"""The pages of the documentation name what exists: commands, options, recipes, files, public names."""

import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import handful
from handful.cli import app
from handful.recipes.read import recipe_names
from handful.recipes.renamed import current_name

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
CURRENT = [page for page in PAGES if "decisions" not in page.parts]  # a note of a decision keeps the words of its day
FENCE = re.compile(r"^```\w*\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
GROUP: Any = get_command(app)
CONTEXT = GROUP.make_context("handful", ["recipes"])
RECIPE = re.compile(r"`((?:paper-)?[a-z]+[a-z-]*-(?:lite0|wrn|resnet|small))`")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def code(page: Path) -> list[str]:
    """The lines of code blocks, with fences and indented ones."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
    rest = FENCE.sub("", text)
    return lines + re.findall(r"^ {4}(.*)$", rest, flags=re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    """The calls of `handful` in code blocks, each as its arguments."""
    found = []
    for line in code(page):
        line = line.strip().removeprefix("$ ")
        if line.startswith("handful "):
            for call in re.split(r"\s(?:&&|\||;)\s", line):
                program, *arguments = shlex.split(call, comments=True)
                found += [arguments] if program == "handful" else []
    return found


@pytest.mark.parametrize("page", CURRENT, ids=name_of)
def test_commands_in_code_blocks_are_accepted(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in commands(page):
        name, *rest = arguments
        for recipe in (Path(a) for a in rest if a.endswith(".toml")):  # a reader's own file, which the page describes
            recipe.write_text('extends = "logistic"\n', encoding="utf-8")
        context = CONTEXT.command.commands[name].make_context(
            name, list(rest), parent=CONTEXT
        )  # refuses what is unknown
        assert not context.args, arguments


def test_code_blocks_with_commands_are_found() -> None:
    assert sum(len(commands(page)) for page in CURRENT) > 40


@pytest.mark.parametrize("page", CURRENT, ids=name_of)
def test_commands_and_options_in_sentences_exist(page: Path) -> None:
    for words in re.findall(r"`handful ([a-z][^`]*)`", page.read_text(encoding="utf-8")):
        name = words.split()[0]
        assert name in GROUP.commands, words
        options = {option for parameter in GROUP.commands[name].params for option in parameter.opts}
        used = set(re.findall(r"(?<=\s)(--[a-z-]+)", words)) - {"--help", "--debug"}
        assert used <= options, words


@pytest.mark.parametrize("page", CURRENT, ids=name_of)
def test_recipes_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in {*RECIPE.findall(text), *re.findall(r"(?:--recipe|-r) ([\w-]+)(?![\w.-])", text)} - {"auto", "NAME"}:
        assert current_name(name) in recipe_names(), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    generated = {"guide/first-model.html", "guide/python.html", "papers/other-methods.md", "reference/commands.md"}
    taken_in = {"contributing.md", "changes.md", "bench.md"}
    for target in re.findall(r"""(?:\]\(|href=")([^)"#\s]+)""", text):
        if target.startswith(("http://", "https://")):
            continue
        path = os.path.relpath(page.parent / target, ROOT / "docs")
        assert path in generated | taken_in or (page.parent / target).exists(), target


def test_every_public_name_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^::: handful\.(\w+)$", text, flags=re.MULTILINE))
    assert documented == set(handful.__all__) - {"__version__"}


@cache
def built() -> Path:
    """The site, built with every doubt an error: links, anchors, pages outside the navigation, docstrings."""
    pytest.importorskip("mkdocs")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    called = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    done = subprocess.run(called, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build" / "docs"


@pytest.mark.slow
def test_the_site_builds_with_every_command_and_recipe() -> None:
    text = (built() / "reference" / "commands.html").read_text(encoding="utf-8")
    assert all(f"<code>handful {name}</code>" in text for name in GROUP.commands)
    text = (built() / "papers" / "other-methods.html").read_text(encoding="utf-8")
    assert all(f"<code>{name}</code>" in text for name in recipe_names())


@pytest.mark.slow
def test_the_site_names_no_place_on_this_machine_and_fetches_nothing() -> None:
    for page in built().rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert str(ROOT) not in text, page
        assert not re.search(r"""<(?:script|link|img)[^>]* (?:src|href)=["']?https?://""", text), page
