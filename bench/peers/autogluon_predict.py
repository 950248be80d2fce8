"""Probabilities of the images below WORK/test by WORK/model, as WORK/said.csv. Run by `bench general-tools`."""

import sys
from pathlib import Path

import pandas as pd
from autogluon.multimodal import MultiModalPredictor

work = Path(sys.argv[1])
predictor = MultiModalPredictor.load(str(work / "model"))
files = sorted((work / "test").rglob("*.png"))
said = predictor.predict_proba(pd.DataFrame({"image": [str(f) for f in files]}), as_pandas=True)
said.columns = [f"p_{c}" for c in said.columns]
said.insert(0, "id", [str(f) for f in files])
said.to_csv(work / "said.csv", index=False)
