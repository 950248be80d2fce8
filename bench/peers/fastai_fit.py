"""fastai's tutorial on the folder WORK/train: EPOCHS, share held out, batch, seed. Run by `bench general-tools`."""

import sys
from pathlib import Path

from fastai.vision.all import (
    CategoryBlock,
    DataBlock,
    ImageBlock,
    IndexSplitter,
    RandomSplitter,
    Resize,
    accuracy,
    aug_transforms,
    get_image_files,
    parent_label,
    set_seed,
    vision_learner,
)

work = Path(sys.argv[1])
epochs, held_out, batch, seed = int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
set_seed(seed)
files = get_image_files(work / "train")
if held_out:
    splitter = RandomSplitter(held_out, seed=seed)
else:  # the held-out part cannot be empty: one image, trained on as well
    files = [*files, files[0]]
    splitter = IndexSplitter([len(files) - 1])
block = DataBlock(
    blocks=(ImageBlock, CategoryBlock),
    splitter=splitter,
    get_y=parent_label,
    item_tfms=Resize(224),
    batch_tfms=aug_transforms(),
)
loaders = block.dataloaders(files, bs=batch, num_workers=0)
weights = {"file": str(work / "weights.pth")}
learner = vision_learner(loaders, "tf_efficientnet_lite0", metrics=accuracy, path=work, pretrained_cfg_overlay=weights)
with learner.no_bar(), learner.no_logging():
    learner.fine_tune(epochs)
    if held_out:
        print(f"held out: {float(learner.validate()[1])}")
learner.export("model.pkl")
