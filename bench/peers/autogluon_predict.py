"""Probabilities of the images below WORK/test by WORK/model, as WORK/said.csv. Run by `bench general-tools`."""

import os
import sys
from pathlib import Path

work = Path(sys.argv[1])
os.environ["HF_HOME"] = str(work / "hub")  # read when it is imported

import pandas as pd  # noqa: E402
from autogluon.multimodal import MultiModalPredictor  # noqa: E402

predictor = MultiModalPredictor.load(str(work / "model"))
files = sorted((work / "test").rglob("*.png"))
said = predictor.predict_proba(pd.DataFrame({"image": [str(f) for f in files]}), as_pandas=True)
classes = sorted(folder.name for folder in (work / "train").iterdir())  # few-shot classification numbers them so
said.columns = [f"p_{classes[c] if isinstance(c, int) else c}" for c in said.columns]
said.insert(0, "id", [str(f) for f in files])
said.to_csv(work / "said.csv", index=False)
