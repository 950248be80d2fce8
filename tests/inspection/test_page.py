"""Pictures of findings on the page of an inspection."""

import base64
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image as Picture

from handful.core.dataset import Dataset, Sample
from handful.data.finding import Finding
from handful.inspection.inspection import Inspection
from handful.inspection.measurements import measure_images
from handful.inspection.page import DOUBTFUL_LABELS, LARGE, SHOWN, _Pictures


def finding_of(kind: str, numbers: dict[str, object], images: int = DOUBTFUL_LABELS + 3) -> dict[str, Any]:
    picture = np.zeros((3, 250, 500), np.uint8)
    samples = tuple(Sample(str(i), picture, label=i % 2) for i in range(images))
    data = Dataset(samples, ("1", "rust"))
    inspection = Inspection(measure_images(data), (), (), None, None, None, ())
    return _Pictures(inspection).finding(
        Finding(kind, "note", "what", tuple((s.id,) for s in samples), "look", numbers)
    )


def size_of(url: str) -> tuple[int, int]:
    return Picture.open(BytesIO(base64.b64decode(url.partition(",")[2]))).size


def test_sixty_doubtful_labels_are_shown_larger_in_their_own_shape_and_in_words() -> None:
    suspects = {str(i): {"label": "1", "looks_like": "rust", "probability_of_label": 0.014} for i in range(63)}
    shown = finding_of("label suspects", {"suspects": suspects})
    assert (len(shown["sets"]), shown["more"], shown["large"]) == (DOUBTFUL_LABELS, 3, True)
    ((first,), *_) = shown["sets"]
    assert size_of(first["url"]) == (LARGE, LARGE // 2)
    assert first["label"] == "class 1"
    assert first["note"] == "looks like rust; class 1 has 1\N{NO-BREAK SPACE}%"


def test_other_findings_show_a_few_small_pictures() -> None:
    shown = finding_of("blur", {})
    assert (len(shown["sets"]), shown["more"], shown["large"]) == (SHOWN, DOUBTFUL_LABELS + 3 - SHOWN, False)
    assert size_of(shown["sets"][0][0]["url"]) == (192, 96)
