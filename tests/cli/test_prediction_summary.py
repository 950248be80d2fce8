from collections.abc import Sequence

import numpy as np

from handful.cli._prediction_summary import PredictionSummary
from handful.deployment.predict_table import PredictedChunk
from handful.deployment.table_files import Columns

CLASSES = ("miner", "phoma", "rust")
CARD = {
    "failures": {
        "confusions": [
            {"label": "rust", "predicted": "miner", "share": 0.2},
            {"label": "phoma", "predicted": "miner", "share": 0.09},
            {"label": "miner", "predicted": "phoma", "share": 0.05},
        ]
    }
}


def observed(
    predictions: Sequence[str | None], probabilities: Sequence[float], labels: Sequence[str | None] | None = None
) -> str:
    summary = PredictionSummary(CLASSES)
    columns: Columns = {
        "id": [f"{i}.jpg" for i in range(len(predictions))],
        "prediction": list(predictions),
        "probability": np.array(probabilities),
        **({} if labels is None else {"label": list(labels)}),
    }
    chunks = [PredictedChunk(columns, {})]
    assert list(summary.observe(chunks)) == chunks
    return "\n".join(summary.sentences(CARD))


def test_the_least_probable_images_are_named_first() -> None:
    text = observed(["miner", "rust", "rust", "phoma"], [0.69, 0.99, 0.445, 0.7])
    assert "Doubtful (under 70 %): 2 of 4: 2.jpg (rust, 44.5 %); 0.jpg (miner, 69.0 %)." in text
    assert "What to do: look at these images." in text


def test_of_many_doubtful_images_a_few_are_named_and_all_counted() -> None:
    text = observed(["rust"] * 20, [0.5 + i / 100 for i in range(20)])
    assert "20 of 20: 0.jpg" in text
    assert "4.jpg (rust, 54.0 %); and 15 more." in text


def test_images_with_much_that_is_unknown_are_named() -> None:
    summary = PredictionSummary(CLASSES)
    shares = np.array([0.049, 0.31, np.nan, 0.07])
    columns: Columns = {
        "id": ["a.jpg", "b.jpg", "c.jpg", "d.jpg"],
        "prediction": ["miner", "rust", None, "rust"],
        "probability": np.array([0.9, 0.9, np.nan, 0.9]),
        "unknown_share": shares,
    }
    list(summary.observe([PredictedChunk(columns, {2: "unreadable"})]))
    text = "\n".join(summary.sentences({}))
    wanted = "Unknown regions (over 5 % of the image): 2 of 3: b.jpg (31 %); d.jpg (7 %). --maps FOLDER draws them."
    assert wanted in text
    assert "What to do: look at these images." in text
    known = PredictionSummary(CLASSES)
    list(known.observe([PredictedChunk({**columns, "unknown_share": np.zeros(4)}, {2: "unreadable"})]))
    assert "Unknown regions (over 5 % of the image): none of 3." in "\n".join(known.sentences({}))
    assert "Unknown regions" not in observed(["miner", "rust"], [0.9, 0.9])


def test_a_class_that_is_never_predicted_is_named_and_what_it_is_taken_for() -> None:
    text = observed(["miner"] * 5 + ["rust"] * 5, [0.9] * 10)
    assert "Doubtful (under 70 %): none of 10." in text
    assert "Never predicted: phoma, of 10 images." in text
    confused = (
        "Known to confuse: phoma is taken for miner in 9 of 100 (5 here are called that); rust is taken for miner"
    )
    assert confused in text
    assert "miner is taken for phoma" not in text  # nothing here is called phoma


def test_a_few_images_need_not_be_of_every_class() -> None:
    assert "Never" not in observed(["miner"] * 8, [0.9] * 8)


def test_known_labels_are_compared() -> None:
    text = observed(["miner", "rust", "rust", None], [0.9, 0.9, 0.9, np.nan], ["miner", "miner", "other", "rust"])
    assert "1 of 2 have the class of their label (50.0 %)." in text


def test_where_nothing_could_be_predicted_nothing_is_said() -> None:
    assert observed([None], [np.nan]) == ""


def test_of_several_labels_images_are_counted_and_not_labels() -> None:
    summary = PredictionSummary(CLASSES)
    labels = ["miner|rust"] * 8 + ["none", None]
    columns: Columns = {"id": [f"{i}.jpg" for i in range(10)], "labels": labels}
    assert len(list(summary.observe([PredictedChunk(columns, {})]))) == 1
    assert summary.sentences({}) == ["Never predicted: phoma, of 9 images."]
    nothing = PredictionSummary(CLASSES)
    columns = {"id": [f"{i}.jpg" for i in range(9)], "labels": ["none"] * 9}
    assert len(list(nothing.observe([PredictedChunk(columns, {})]))) == 1
    assert nothing.sentences({}) == ["Never predicted: miner, phoma, rust, of 9 images."]
