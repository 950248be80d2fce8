import re
import shlex
from pathlib import Path

import pytest

from tests.support.command_line import ok

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def test_the_command_line_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("bash")
    for line in example.strip().splitlines():
        program, *arguments = shlex.split(line)
        assert program == "handful"
        assert "classification-wrn" in ok(*arguments)
    assert "cvs-wrn" in (tmp_path / "sweep" / "report.html").read_text(encoding="utf-8")


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})
    scores = re.findall(r"\d\.\d*", capsys.readouterr().out)
    assert len(scores) == 3
    assert all(0 <= float(score) <= 1 for score in scores)


def test_every_command_it_names_exists() -> None:
    listed = ok("--help")
    for command in re.findall(r"^ {4}handful (\w+)", README, flags=re.MULTILINE):
        assert f"\n  {command} " in listed
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:`|^ {4})make ([a-z]+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_every_recipe_it_names_exists() -> None:
    from handful.recipes.load import load_recipe

    names = re.findall(r"--recipe ([\w-]+)", README)
    assert names
    for name in set(names) - {"auto"}:  # which `fit` picks by itself
        load_recipe(name)


def test_public_names_in_it_exist() -> None:
    import handful

    for name in ("load_data", "load_recipe", "train", "evaluate", "save_classifier", "load_classifier"):
        assert f"`{name}`" in README or f"`handful.{name}`" in README
        assert name in handful.__all__


def test_contributing_ends_with_how_to_add_a_loss_and_names_real_folders() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    last = text.strip().splitlines()[-1]
    for path in re.findall(r"`([^`<]+)/", last):
        assert (ROOT / path).is_dir()
    assert "add a loss, touch these two files" in text
    assert len(text.splitlines()) < 60


def test_the_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text
    kinds = set(re.findall(r"^### (\w+)", text, flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
