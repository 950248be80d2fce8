"""What a run says of the images' files alone is said before PyTorch is imported, which takes seconds."""

import subprocess
import sys
from pathlib import Path

from tests.data.noise_images import save_noise_image

SCRIPT = """
import sys
from handful.cli import main

class Heavy:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "timm", "torchvision", "sklearn"):
            print("IMPORTS", name, file=sys.stderr, flush=True)
            raise SystemExit(9)

sys.meta_path.insert(0, Heavy())
sys.argv = ["handful", "run", sys.argv[1], "--out", sys.argv[2]]
main()
"""


def test_what_was_found_and_doubts_are_said_before_pytorch_is_imported(tmp_path: Path) -> None:
    for i in range(12):
        save_noise_image(tmp_path / "photos" / "ab"[i % 2] / f"{i}.png", i, (40, 40 + 40 * (i % 2)))
    command = (sys.executable, "-c", SCRIPT, str(tmp_path / "photos"), str(tmp_path / "out"))
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr.splitlines()
    heavy = next(i for i, line in enumerate(said) if line.startswith("IMPORTS"))
    assert "Found 12 images of 2 classes (6 of each)." in said[:heavy]
    assert any("size" in line for line in said[:heavy])
    assert said[-1] == "IMPORTS torch"
