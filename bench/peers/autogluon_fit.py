"""AutoGluon MultiModal on the folder WORK/train: EPOCHS, batch, seed. Run by `bench general-tools`."""

import sys
from pathlib import Path

import pandas as pd
from autogluon.multimodal import MultiModalPredictor

work, epochs, batch, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
files = sorted((work / "train").glob("*/*.png"))
table = pd.DataFrame({"image": [str(f) for f in files], "label": [f.parent.name for f in files]})
predictor = MultiModalPredictor(label="label", problem_type="multiclass", path=str(work / "model"), verbosity=0)
predictor.fit(
    table,
    seed=seed,
    hyperparameters={
        "model.names": ["timm_image"],
        "model.timm_image.checkpoint_name": str(work / "weights"),
        "model.timm_image.image_norm": "inception",  # mean and deviation 0.5, as the weights were trained
        "optim.max_epochs": epochs,
        "env.batch_size": batch,
        "env.per_gpu_batch_size": batch,
        "env.num_gpus": 0,
        "env.accelerator": "cpu",
        "env.num_workers": 0,
        "env.num_workers_inference": 0,
    },
)
