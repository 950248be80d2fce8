from pathlib import Path

import pytest

from handful.core.parsing import read_json
from handful.core.plan_file import PLAN, claim_folder
from handful.errors import OutputError

OURS = (PLAN, "results.jsonl")


def test_a_plan_of_which_nothing_was_computed_gives_way_and_results_do_not(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    claim_folder(folder, {"seed": 0}, ours=OURS, overwrite=False)
    claim_folder(folder, {"seed": 1}, ours=OURS, overwrite=False)
    assert read_json(folder / PLAN) == {"seed": 1}
    (folder / "results.jsonl").write_text("{}\n")
    claim_folder(folder, {"seed": 1}, ours=OURS, overwrite=False)
    with pytest.raises(OutputError, match="differs in: seed"):
        claim_folder(folder, {"seed": 2}, ours=OURS, overwrite=False)
    claim_folder(folder, {"seed": 2}, ours=OURS, overwrite=True)
    assert not (folder / "results.jsonl").exists()
