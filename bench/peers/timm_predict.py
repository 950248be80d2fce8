"""Probabilities of the images in WORK/test by timm's last checkpoint: WORK/said.csv. Run by `bench general-tools`."""

import sys
from pathlib import Path

import pandas as pd
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config

work = Path(sys.argv[1])
classes = sorted(p.name for p in (work / "train").iterdir())
last = work / "runs" / "model" / "last.pth.tar"
model = timm.create_model("tf_efficientnet_lite0", num_classes=len(classes), checkpoint_path=str(last)).eval()
transform = create_transform(**resolve_data_config({}, model=model))
files = sorted((work / "test").rglob("*.png"))
rows = []
with torch.inference_mode():
    for i in range(0, len(files), 64):
        images = torch.stack([transform(Image.open(f).convert("RGB")) for f in files[i : i + 64]])
        rows.append(model(images).softmax(dim=1))
said = pd.DataFrame(torch.cat(rows).numpy(), columns=[f"p_{c}" for c in classes])
said.insert(0, "id", [str(f) for f in files])
said.to_csv(work / "said.csv", index=False)
