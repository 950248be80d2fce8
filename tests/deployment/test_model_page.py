import json
from dataclasses import replace

from handful.deployment.model_page import page_values
from tests.deployment.server.mean_color_model import mean_color_model


def test_class_names_cannot_end_the_script() -> None:
    names = ("</script>", "a & b", "\u2028")
    values = page_values(replace(mean_color_model(), classes=names), token_required=True, privacy="")
    text = str(values["script_values"])
    assert not {"<", ">", "&", "\u2028"} & set(text)
    assert json.loads(text)["classes"] == list(names)
    assert json.loads(text)["guarded"] is True


def test_properties_that_the_model_lacks_are_left_out() -> None:
    model = replace(mean_color_model(), card={"images_per_class": {"blue": 3}, "handful": "0.1"})
    assert page_values(model, token_required=False, privacy="")["about"] == [
        ("Classes", "blue, green, red"),
        ("Training images", "blue 3"),
        ("Input size", "6 x 8 pixels (squash)"),
        ("Made with", "handful 0.1"),
    ]
