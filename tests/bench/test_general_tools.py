import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from bench.support.accuracy import plain_recipe
from bench.tables import general_tools
from bench.tables.general_tools import Arm, Fastai, Tool, arms
from bench.tables.general_tools_epochs import left_over

from handful.core.dataset import Dataset, Sample, Split
from handful.errors import DataError
from handful.recipes.load import load_recipe

SAYS = """
import sys
from pathlib import Path
work = Path(sys.argv[1])
print("held out: 0.25")
if sys.argv[2] == "fit":
    kept = sorted(p.relative_to(work).as_posix() for p in (work / "train").rglob("*.png"))
    (work / "model").write_text(" ".join(kept))
else:
    assert (work / "model").read_text() == "train/cat/00000.png train/dog/00001.png"
    files = sorted((work / "test").rglob("*.png"), reverse=True)
    rows = [f"{f},{0.1 * int(f.stem)},{1 - 0.1 * int(f.stem)}" for f in files]
    (work / "said.csv").write_text("\\n".join(["id,p_dog,p_cat", *rows]))
"""


@dataclass(frozen=True)
class Scripted(Arm):
    """A tool that says how its images are numbered."""

    def fit(self, work: Path, seed: int) -> tuple[str, ...]:
        return (sys.executable, "-c", SAYS, str(work), "fit")

    def predict(self, work: Path) -> tuple[str, ...]:
        return (sys.executable, "-c", SAYS, str(work), "predict")


def _images(*labels: int) -> Dataset:
    image = np.zeros((3, 8, 8), np.uint8)
    return Dataset(tuple(Sample(f"i{n}", image, label=m) for n, m in enumerate(labels)), ("cat", "dog"))


def test_another_tools_answers_come_back_in_our_order(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, object]] = []
    monkeypatch.setattr(general_tools, "append", lambda table, line, quick: lines.append(line))
    trainer = Tool(Scripted(), costs="costs")
    recipe = plain_recipe("scripted", (8, 8))
    model = trainer(recipe, _images(0, 1), seed=7, device="cpu", progress=False)
    found = model.probabilities(_images(0, 0, 1))
    assert np.allclose(found, [[1.0, 0.0], [0.9, 0.1], [0.8, 0.2]])
    (line,) = lines
    assert float(str(line.pop("wall"))) > 0
    assert float(str(line.pop("processor"))) >= 0
    line.pop("load")
    assert line == {"tool": "scripted", "draw": 7, "shown": 0.25}


def test_every_row_has_a_command_and_ours_are_recipes() -> None:
    for name, arm in arms().items():
        if name.startswith("handful: "):
            load_recipe(name.removeprefix("handful: "))
            assert arm.fit(Path("w"), 3)[1:4] == ("-m", "handful", "fit")


def test_epochs_are_chosen_without_test_images() -> None:
    data = _images(0, 1, 0, 1)
    parts: tuple[Split | None, ...] = (None, "test", "train", None)
    data = replace(data, samples=tuple(replace(s, split=p) for s, p in zip(data.samples, parts, strict=True)))
    a, _, c, d = data.ids
    found = {s.id: s.split for s in left_over(data).samples}
    assert found == {a: None, c: "test", d: None}


def test_without_the_other_tools_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANDFUL_PEERS", raising=False)
    with pytest.raises(DataError, match=r"(?s)HANDFUL_PEERS names no file.*bench/README.md"):
        Fastai(1).predict(Path("w"))


def test_rows_of_a_tool_that_is_not_installed_are_left_out_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("HANDFUL_PEERS", "HANDFUL_TIMM", "HANDFUL_AUTOGLUON"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HANDFUL_AUTOGLUON", sys.executable)
    left = [name for name, arm in arms().items() if general_tools.is_installed(name, arm)]
    ours, autogluon = left[:2], left[2:]
    assert ours == ["handful: logistic-lite0", "handful: fine-tuned-lite0"]
    assert autogluon == ["autogluon: MultiModalPredictor", "autogluon: few-shot classification"]
    text = "timm: train.py: left out, as HANDFUL_PEERS and HANDFUL_TIMM names no file"
    assert text in capsys.readouterr().out
