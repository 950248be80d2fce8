from typing import Any

import pytest

from handful.models.text import TextSource


def test_the_default_is_the_installed_encoder() -> None:
    assert TextSource() == TextSource("minilm", templates=("{}",))
    assert TextSource("sentences", "some-model", templates=("a photo of a {}.",)).path == "some-model"


@pytest.mark.parametrize(
    "options",
    [
        {"source": "glove", "path": "x"},
        {"source": "minilm+glove", "path": "x"},
        {"source": "words"},
        {"path": "x"},
        {"templates": ()},
        {"templates": ("a photo",)},
        {"source": "words", "path": "x", "templates": ("a {}",)},
        {"weights": {"a": 1.0}},
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"source|template|weights"):
        TextSource(**options)
