"""Detection of networks that died in training: most of their features are exactly 0 in every image of a batch.

After a few steps that were too large the units of a network can be negative everywhere, and their gradients 0: the loss
then stays near that of chance, which a score alone does not tell from a method that does not work.
"""

import warnings

import torch

from handful.core.tensors import Output
from handful.errors import HandfulWarning, hint

MOST = 0.75  # share of features that are 0 in the whole batch from which a network counts as dead
FEWEST_IMAGES = 8  # in a smaller batch features may be 0 by chance
LOOKS = 20  # times that a stage is looked at


class DeadFeatureCheck:
    """Looks at the features of a stage now and then, and warns once.

    Args:
        recipe: name of the recipe.
        stage: its number.
        steps: of the stage.
        lr: its learning rate.
    """

    def __init__(self, recipe: str, stage: int, steps: int, lr: float) -> None:
        self.recipe, self.stage, self.lr = recipe, stage, lr
        self.every = max(1, steps // LOOKS)
        self.alive = self.warned = False

    def look(self, output: Output, step: int) -> None:
        """Warn if the features of this step's batch are dead, and were not at the first look."""
        if self.warned or step % self.every or len(output.features) < FEWEST_IMAGES:
            return
        dead = dead_share(output)
        if dead <= MOST:
            self.alive = True
        elif self.alive:
            self.warned = True
            text = (
                f"{self.recipe}: at step {step} {dead:.0%} of the features are 0 in every image of the batch: the "
                f"network has died, and its score will say nothing of the method. Lower the learning rate"
                f"{hint('overrides', f'stages.{self.stage}.optimizer.lr={self.lr / 10:g}')} or clip gradients"
                f"{hint('overrides', f'stages.{self.stage}.optimizer.clip=1.0')}"
            )
            warnings.warn(text, HandfulWarning, stacklevel=2)


def dead_share(output: Output) -> float:
    """Share of the features that are exactly 0 in every image of a batch."""
    with torch.no_grad():
        return float((output.features.detach() == 0).all(dim=0).float().mean())
