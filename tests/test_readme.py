import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.command_line import ok, write_images
from tests.support.datasets import squares

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def test_the_three_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = squares(6)
    write_images(data, tmp_path / "photos")
    unlabelled = tuple(replace(s, id=f"{i}.png", label=None) for i, s in enumerate(data.samples))
    write_images(replace(data, samples=unlabelled), tmp_path / "new")
    (example,) = blocks("console")
    calls = [shlex.split(line[2:]) for line in example.splitlines() if line.startswith("$ ")]
    assert [call[:2] for call in calls] == [["handful", "run"], ["handful", "inspect"], ["handful", "predict"]]
    for _, *arguments in calls:
        assert ok(*arguments, *(["--budget", "5s", "--device", "cpu"] if arguments[0] == "run" else []))
    assert (tmp_path / "handful-photos" / "report.html").is_file()


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks("python")
    assert len(example.strip().splitlines()) <= 8
    exec(compile(example, "README.md", "exec"), {})
    answer, score = capsys.readouterr().out.splitlines()
    promised = re.fullmatch(
        r"logistic-\w+ HonestScore\(([\d.]+) %, 95 % interval ([\d.]+) to ([\d.]+), by .*\)", answer
    )
    assert promised is not None
    assert float(promised[2]) < 100 * float(score) < float(promised[3])


def test_it_takes_three_minutes_to_read() -> None:
    assert len(README.split()) <= 450
    assert README.index("pip install") < README.index("handful run")
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert (ROOT / picture).stat().st_size <= 250_000


def test_every_command_it_names_exists() -> None:
    listed = ok("--help")
    for command in re.findall(r"^(?:    |\$ )handful (\w+)", README, flags=re.MULTILINE):
        assert f"\n  {command} " in listed
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:`|^ {4})make ([a-z]+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


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
