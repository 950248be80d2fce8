from bench.tables.fuzz_readers import outcomes


def test_a_slice_of_damaged_files_raises_nothing_but_errors_of_ours() -> None:
    rows = outcomes(66)
    assert [row for row in rows if row[1] not in ("ours", "read")] == []
    assert {row[1] for row in rows} == {"ours", "read"}
    assert max(row[3] for row in rows) < 1000
