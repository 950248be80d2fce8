from pathlib import Path

import numpy as np

from handful.core.dataset import Dataset, Sample
from handful.recipes.label_space import labels_recipe
from handful.reports.label_similarity import label_similarity


def test_the_closest_pair_and_the_text_that_was_read(tmp_path: Path) -> None:
    image = np.zeros((3, 8, 8), dtype=np.uint8)
    classes = ("0", "cat", "dog")
    data = Dataset(tuple(Sample(f"{i}.png", image, i) for i in range(3)), classes)
    (tmp_path / "vectors.csv").write_text("0,1,0\ncat,0,1\ndog,0.1,1\n")
    recipe = labels_recipe(source="vectors", path=str(tmp_path / "vectors.csv"))
    result = label_similarity(recipe, data)
    assert result.closest[0][:2] == ("cat", "dog")
    assert result.cosines.shape == (3, 3)
    assert result.source == "vectors"
    result.save_figure(tmp_path / "matrix.svg")
    assert (tmp_path / "matrix.svg").read_text().count("dog") >= 1
