from pathlib import Path

import pytest

from handful.core.parsing import MAX_DEPTH, parse_json, parse_toml, read_json, read_toml
from tests.support.time_limit import without_long_work

NESTED = MAX_DEPTH - 1


def test_ordinary_files_are_read_as_the_standard_library_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": [1, 2.5, null, true, "\xc3\xa4"]}')
    assert read_json(path) == {"a": [1, 2.5, None, True, "ä"]}
    toml = tmp_path / "a.toml"
    toml.write_text('x.y = 1\n"a.b".c = [1.5]\nabout = "See e.g. a.b.c. for more..."\n', encoding="utf-8")
    assert read_toml(toml) == {"x": {"y": 1}, "a.b": {"c": [1.5]}, "about": "See e.g. a.b.c. for more..."}
    assert parse_json("[" * NESTED + "]" * NESTED)
    assert parse_json("NaN", finite=False) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        "[-Infinity]",
        "[1e999]",
        "1" + "0" * 30,
        "1" + "0" * 5000,
        "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2),
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        " " * (17 * 2**20),
    ],
    ids=lambda text: text[:9],
)
def test_json_that_is_damaged_deep_or_out_of_range_is_a_value_error_at_once(text: str) -> None:
    with without_long_work(), pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = ",
        "a = inf",
        "a = nan",
        "a = 1e999",
        "a = 1" + "0" * 30,
        "a = 1" + "0" * 5000,
        "a = 2020-01-01",
        "a = " + "[" * 20_000 + "]" * 20_000,
        "a = " + "{a = " * 20_000 + "1" + "}" * 20_000,
        ".".join("a" * 100_000) + " = 1",
        ".".join(['"a"'] * 60_000) + " = 1",
        "['" + "' . '".join("a" * 40_000) + "']",
        "a" * 2**17,
        "a = 1\n" * 2**17,
    ],
    ids=lambda text: text[:9],
)
def test_toml_that_is_damaged_deep_or_out_of_range_is_a_value_error_at_once(text: str) -> None:
    with without_long_work(), pytest.raises(ValueError, match=r"."):
        parse_toml(text)
