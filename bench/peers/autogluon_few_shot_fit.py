"""AutoGluon MultiModal's few-shot classification on the folder WORK/train: seed. Run by `bench general-tools`."""

import os
import sys
from pathlib import Path

work, seed = Path(sys.argv[1]), int(sys.argv[2])
os.environ |= {"HF_HOME": str(work / "hub"), "HF_HUB_OFFLINE": "1"}  # the weights lie there; read on import

import pandas as pd  # noqa: E402
from autogluon.multimodal import MultiModalPredictor  # noqa: E402

files = sorted((work / "train").glob("*/*.png"))
table = pd.DataFrame({"image": [str(f) for f in files], "label": [f.parent.name for f in files]})
predictor = MultiModalPredictor(
    label="label", problem_type="few_shot_classification", path=str(work / "model"), verbosity=0
)
predictor.fit(
    table,
    seed=seed,
    hyperparameters={
        "model.names": ["timm_image"],
        "model.timm_image.checkpoint_name": "tf_efficientnet_lite0",
        "model.timm_image.image_norm": "inception",  # mean and deviation 0.5, as the weights were trained
        "env.num_gpus": 0,
        "env.accelerator": "cpu",
        "env.num_workers": 0,
        "env.num_workers_inference": 0,
    },
)
