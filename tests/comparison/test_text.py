from pathlib import Path

import pytest

from handful.comparison.result import ComparisonResult
from handful.comparison.text import format_comparison


@pytest.mark.parametrize("width", [60, 100])
def test_the_text_fits_and_opens_with_the_answer(
    whole: tuple[ComparisonResult, list[list[str]], Path], width: int
) -> None:
    text = format_comparison(whole[0], width=width)
    assert max(map(len, text.splitlines())) <= width
    assert " ".join(text.split()).startswith(whole[0].answer)
    for word in ("not sep", "Holm", "worst", "3 trials per draw", "in control: requested", "label min"):
        assert word in " ".join(text.split())
