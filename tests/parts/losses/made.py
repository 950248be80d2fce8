"""Made-up outputs and batches that several tests of losses share."""

import torch

from handful.core.tensors import IGNORE, Batch, Output

ONE_HOT, MIXED = "one-hot", "mixed"


def made(kind: str, *, n: int = 6, k: int = 4, c: int = 5, seed: int = 0) -> tuple[Output, Batch]:
    """Logits and features that need gradients; the last image has no label. "mixed": as CutMix leaves them."""
    g = torch.Generator().manual_seed(seed)
    logits = (3 * torch.randn((n, k), generator=g)).requires_grad_()
    features = torch.randn((n, c), generator=g).requires_grad_()
    labels = torch.randint(0, k, (n,), generator=g)
    targets = torch.eye(k)[labels]
    if kind == MIXED:
        share = torch.rand((n, 1), generator=g)
        targets = share * targets + (1 - share) * targets.roll(1, dims=0)
    labels[-1], targets[-1] = -1, 0
    maps = torch.full((n, 2, 2), IGNORE)
    return Output(logits, logits, features), Batch(torch.rand((n, 3, 2, 2), generator=g), labels, targets, maps)


def probabilities(logits: torch.Tensor) -> list[list[float]]:
    """Softmax in double precision."""
    rows: list[list[float]] = logits.detach().double().softmax(dim=1).tolist()
    return rows


def smoothed(targets: torch.Tensor, smoothing: float) -> list[list[float]]:
    """Targets with a share moved to all classes evenly."""
    return [[t * (1 - smoothing) + sum(row) * smoothing / len(row) for t in row] for row in targets.tolist()]
