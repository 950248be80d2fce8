import subprocess
import sys

import pytest
import timm

from handful.models import timm_names as names


def test_the_sources_name_every_model_that_timm_registers() -> None:
    models = {name for name in names.timm_names() if "." not in name}
    assert models == set(timm.list_models())


def test_no_model_and_no_weights_of_timm_are_called_unknown() -> None:
    assert all(map(names.may_be_model, timm.list_models()[::10]))
    tags = sorted({name.partition(".")[2] for name in timm.list_pretrained()})
    assert all(map(names.may_be_tag, tags[::5]))
    assert names.may_be_model("vit_base_patch16_224_in21k")  # a former name
    assert timm.is_model("vit_base_patch16_224_in21k")


def test_what_is_nowhere_in_the_sources_is_unknown() -> None:
    assert not names.may_be_model("resnet81")
    assert not names.may_be_tag("lvd142")


def test_nothing_is_unknown_where_the_sources_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_sources", lambda: "")
    assert names.may_be_model("resnet81")
    assert names.may_be_tag("lvd142")


def test_pytorch_is_not_imported() -> None:
    code = (
        "import sys; from handful.models.timm_names import timm_names; print(len(timm_names()), 'torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    number, imported = ended.stdout.split()
    assert int(number) > 1000
    assert imported == "False"
