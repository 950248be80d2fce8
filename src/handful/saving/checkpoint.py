"""Checkpoints of training runs (safetensors, no pickle): a resumed run ends exactly as an uninterrupted one."""

import hashlib
import time
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from handful.core.dataset import Dataset
from handful.core.files import write_atomically
from handful.core.recipe import Recipe
from handful.errors import OutputError, TrainingError, option
from handful.recipes.write import fingerprint

FILE = "checkpoint.safetensors"
DRAFT = "checkpoint.part"  # an incomplete checkpoint
NETWORKS = "networks"  # checkpoints of nested trainings, each in its own folder
FORMAT = "1"


def refuse_unfinished(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse to start over in a folder with an unfinished run, unless `resume` or `overwrite` is set.

    Raises:
        OutputError: it holds a checkpoint or a finished nested network, and neither is set.
    """
    unfinished = (folder / FILE).exists() or (folder / NETWORKS).exists()
    if unfinished and not (resume or overwrite):
        raise OutputError(
            "this folder holds an unfinished run",
            where=folder,
            remedy=f"pass {option('resume')}, or {option('overwrite')} to start over.",
        )


class Checkpoint:
    """The checkpoint file of one run: network, optimizer and average, at a (stage, step).

    Order, augmentation and dropout are functions of (seed, stage, step), so no generator state is needed.
    """

    def __init__(self, folder: Path, recipe: Recipe, seed: int, data: Dataset, *, every: float = 30.0) -> None:
        """Checkpoint of a run in `folder`.

        Args:
            folder: the folder of the run.
            recipe: the recipe of the run.
            seed: its training seed.
            data: its training images.
            every: minimum number of seconds between two periodic saves.
        """
        self.path = folder / FILE
        self.every = every
        ids = hashlib.sha256("\n".join(f"{s.id}\t{s.label}" for s in data.samples).encode()).hexdigest()
        self.identity = {"format": FORMAT, "recipe": fingerprint(recipe), "seed": str(seed), "data": ids[:16]}
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether it is time for a periodic save."""
        return time.monotonic() - self._last >= self.every

    def save(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: nn.Module | None,
        stage: int,
        step: int,
    ) -> None:
        """Write atomically: a crash leaves the old file or the new one."""
        tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
        for i, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v for k, v in state.items() if isinstance(v, Tensor)}
        if average is not None:
            tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
        tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
        with write_atomically(self.path, draft=self.path.with_name(DRAFT)) as draft:
            save_file(tensors, draft, {**self.identity, "stage": str(stage), "step": str(step)})
        self._last = time.monotonic()

    def position(self) -> tuple[int, int]:
        """Stage and step at which the run resumes; (0, 0) without a checkpoint.

        Raises:
            TrainingError: it is damaged, or belongs to another recipe, seed or data.
        """
        if not self.path.exists():
            return 0, 0
        metadata = self._metadata()
        for key, value in self.identity.items():
            if metadata.get(key) != value:
                raise TrainingError(
                    f"this checkpoint belongs to another run (its {key} differs)",
                    where=self.path,
                    remedy="resume with the same recipe, seed and data, or start over in another folder.",
                )
        return int(metadata["stage"]), int(metadata["step"])

    def restore(self, network: nn.Module, optimizer: torch.optim.Optimizer, average: nn.Module | None) -> None:
        """Load the state that `save` wrote. The optimizer's state stays empty at the start of a stage."""
        with safe_open(self.path, framework="pt") as file:
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        network.load_state_dict(_below("network.", tensors))
        if average is not None:
            average.load_state_dict(_below("average.", tensors))
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _below("optimizer.", tensors).items():
            i, name = key.split(".", 1)
            state.setdefault(int(i), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})

    def remove(self) -> None:
        """Delete the file, once the classifier is finished and saved."""
        self.path.unlink(missing_ok=True)

    def _metadata(self) -> dict[str, str]:
        try:
            with safe_open(self.path, framework="pt") as file:
                return dict(file.metadata() or {})
        except (SafetensorError, OSError) as error:
            raise TrainingError(
                f"the checkpoint cannot be read: {error}", where=self.path, remedy="delete it and start over."
            ) from error


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
