"""Probabilities of the images below WORK/test by WORK/model.pkl, as WORK/said.csv. Run by `bench general-tools`."""

import sys
from pathlib import Path

import pandas as pd
from fastai.vision.all import get_image_files, load_learner

work = Path(sys.argv[1])
learner = load_learner(work / "model.pkl")
files = get_image_files(work / "test")
with learner.no_bar():
    found, _ = learner.get_preds(dl=learner.dls.test_dl(files, bs=64, num_workers=0))
said = pd.DataFrame(found.numpy(), columns=[f"p_{c}" for c in learner.dls.vocab])
said.insert(0, "id", [str(f) for f in files])
said.to_csv(work / "said.csv", index=False)
