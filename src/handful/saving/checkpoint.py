"""Checkpoints of training runs (safetensors, no pickle): a resumed run ends exactly as an uninterrupted one."""

import hashlib
import math
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from handful.core.dataset import Dataset
from handful.core.files import write_atomically
from handful.core.recipe import Recipe
from handful.data.fingerprint import part_fingerprints
from handful.errors import HandfulWarning, OutputError, TrainingError, by_interface, offers, option
from handful.recipes.write import fingerprint
from handful.saving.disk_space import refuse_full_disk, refuse_when_full, tensor_bytes

FILE = "checkpoint.safetensors"
DRAFT = "checkpoint.part"  # an incomplete checkpoint
NETWORKS = "networks"  # checkpoints of nested trainings, each in its own folder
FORMAT = "1"
PARTS = {  # of the data, by their keys in a checkpoint, in words
    "classes": "class names",
    "labels": "images or their labels",
    "pixels": "pixels of images",
    "ranges": "pixel range",
    "masks": "masks",
    "groups": "groups",
    "unlabelled": "unlabelled images",
}


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

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        seed: int,
        data: Dataset,
        *,
        source: Mapping[str, str] | None = None,
        every: float = 30.0,
    ) -> None:
        """Checkpoint of a run in `folder`.

        Args:
            folder: the folder of the run.
            recipe: the recipe of the run.
            seed: its training seed.
            data: its training images, as the recipe's `prepare` parts left them.
            source: fingerprints of the data before these parts; None: of `data`.
            every: minimum number of seconds between two periodic saves.
        """
        self.path = folder / FILE
        self.every = every
        ids = hashlib.sha256("\n".join(f"{s.id}\t{s.label}" for s in data.samples).encode()).hexdigest()
        self.identity = {"format": FORMAT, "recipe": fingerprint(recipe), "seed": str(seed), "data": ids[:16]}
        self.identity |= part_fingerprints(data) if source is None else source
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
        average_loss: float = math.inf,
        *,
        peers: Sequence[nn.Module] = (),
    ) -> None:
        """Write atomically: a crash leaves the old file or the new one.

        Args:
            network: the network that is trained.
            optimizer: of the stage.
            average: the network with averaged weights.
            stage: number of the stage.
            step: the step to resume with.
            average_loss: moving average of the training loss.
            peers: networks that are trained beside it.

        Raises:
            OutputError: the disk is full; the old file stays.
        """
        tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
        for i, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v for k, v in state.items() if isinstance(v, Tensor)}
        if average is not None:
            tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
        for i, peer in enumerate(peers):
            tensors |= {f"peers.{i}.{k}": v for k, v in peer.state_dict().items()}
        tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
        before = self.path.exists()
        remedy = "free disk space, then " + (
            f"continue with {option('resume')}." if before and offers("resume") else "start again."
        )
        with (
            refuse_when_full(self.path, "the checkpoint", remedy=remedy),
            write_atomically(self.path, draft=self.path.with_name(DRAFT)) as draft,
        ):
            at = {"stage": str(stage), "step": str(step), "average_loss": repr(average_loss)}
            save_file(tensors, draft, {**self.identity, **at})
        self._last = time.monotonic()

    def refuse_full_disk(
        self, network: nn.Module, average: nn.Module | None, *, trained: bool, peers: Sequence[nn.Module] = ()
    ) -> None:
        """Refuse to train what could not be saved.

        Args:
            network: whose weights are saved.
            average: the network with averaged weights.
            trained: whether there is to be room for a checkpoint, too.
            peers: networks that are trained beside it, which a checkpoint has.

        Raises:
            OutputError: says how much is needed.
        """
        weights = tensor_bytes(network)
        momentum = 4 * sum(p.numel() for one in (network, *peers) for p in one.parameters() if p.requires_grad)
        checkpoints = (weights + momentum + tensor_bytes(average, *peers),) if trained else ()
        refuse_full_disk(self.path.parent, (weights, *checkpoints))

    def position(self) -> tuple[int, int]:
        """Stage and step at which the run resumes; (0, 0) without a checkpoint.

        Raises:
            TrainingError: it is damaged, or belongs to another recipe, seed or data.
        """
        if not self.path.exists():
            return 0, 0
        metadata = read_metadata(self.path)
        _refuse_other_run(metadata, self.identity, self.path)
        return int(metadata["stage"]), int(metadata["step"])

    def average_loss(self) -> float:
        """The moving average of the training loss; infinite at the start of a stage, or in an earlier version's file.

        Raises:
            TrainingError: the checkpoint is damaged.
        """
        return float(read_metadata(self.path).get("average_loss", "inf"))

    def restore(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: nn.Module | None,
        *,
        peers: Sequence[nn.Module] = (),
    ) -> None:
        """Load the state that `save` wrote. The optimizer's state stays empty at the start of a stage."""
        with safe_open(self.path, framework="pt") as file:
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        network.load_state_dict(_below("network.", tensors))
        if average is not None:
            average.load_state_dict(_below("average.", tensors))
        for number, peer in enumerate(peers):
            peer.load_state_dict(_below(f"peers.{number}.", tensors))
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _below("optimizer.", tensors).items():
            i, name = key.split(".", 1)
            state.setdefault(int(i), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})

    def remove(self) -> None:
        """Delete the file, once the classifier is finished and saved."""
        self.path.unlink(missing_ok=True)


def identify_source(folder: Path, data: Dataset, *, resume: bool) -> dict[str, str]:
    """Fingerprints of a run's data for its checkpoint, before anything is trained.

    Args:
        folder: of the run.
        data: what it is given, before the recipe's `prepare` parts.
        resume: compare it with the checkpoint in the folder.

    Raises:
        TrainingError: the checkpoint is damaged, or belongs to other data.
        DataError: an image file cannot be read.
    """
    source = part_fingerprints(data)
    path = folder / FILE
    if resume and path.exists():
        metadata = read_metadata(path)
        _refuse_other_run(metadata, source, path)
        if not source.keys() <= metadata.keys():
            text = "a checkpoint of an earlier version: whether pixels, masks and groups have changed was not checked."
            warnings.warn(text, HandfulWarning, stacklevel=3)
    return source


def read_metadata(path: Path) -> dict[str, str]:
    """What a checkpoint says of its run, and its stage and step.

    Raises:
        TrainingError: it is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise TrainingError(
            f"the checkpoint cannot be read: {error}", where=path, remedy="delete it and start over."
        ) from error


def _refuse_other_run(metadata: Mapping[str, str], identity: Mapping[str, str], path: Path) -> None:
    """Refuse the checkpoint of another run; what an earlier version did not write is not compared."""
    differs = [key for key, value in identity.items() if metadata.get(key, value if key in PARTS else None) != value]
    if not differs:
        return
    changed = [key for key in differs if key in PARTS and not (key == "pixels" and "labels" in differs)]
    if changed:
        raise TrainingError(
            f"this checkpoint belongs to other data: what differs is {', '.join(PARTS[key] for key in changed)}",
            where=path,
            remedy=f"restore the data to resume, or start over with {_start_over()}.",
        )
    raise TrainingError(
        f"this checkpoint belongs to another run (its {differs[0]} differs)",
        where=path,
        remedy="resume with the same recipe, seed and data, or start over in another folder.",
    )


def _start_over() -> str:
    return by_interface(
        command=f"{option('overwrite')} instead of {option('resume')}", python=f"{option('resume', False)}"
    )


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
