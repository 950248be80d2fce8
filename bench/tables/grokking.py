"""Whether weight decay unlearns wrong labels: addition modulo 59, 20 % of the labels wrong.

After "To grok or not to grok" (Doshi et al. 2024, https://arxiv.org/abs/2310.13061), whose modulus is 97: a network of
one hidden layer of 500 quadratic units learns half of all pairs by AdamW (rate 0.01, full batch, squared error, 500
steps). Shares of the training labels as given, of the other pairs, and of the wrong labels: fitted as given, or
recovered, which is the right sum in place of the given one. Three seeds, each with its own pairs and wrong labels.

Pruning takes a share of the hidden units away after training, without training again: those of least magnitude (the
product of the norms of their weights), or, as the paper does, those that are least periodic (the inverse participation
ratio of their weights' Fourier coefficients), which are said to hold the wrong labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bench.support.options import Options
from bench.support.record import append

TABLE = "grokking"
MODULUS, WIDTH, STEPS, WRONG = 59, 500, 500, 0.2
DECAYS, SEEDS = (0.0, 1.0, 5.0, 15.0), (0, 1, 2)


PRUNED = (0.25, 0.5, 0.75)


def run(options: Options) -> None:
    """Each weight decay on the same pairs, with all units and with a share of them pruned."""
    for decay in DECAYS[:1] if options.quick else DECAYS:
        trained = [learn(decay, seed, steps=4 if options.quick else STEPS) for seed in SEEDS]
        _report([one.shares() for one in trained], options, {"decay": f"{decay:g}"})
        for by in ("magnitude", "periodicity"):
            for share in PRUNED:
                runs = [one.shares(one.kept(share, by)) for one in trained]
                _report(runs, options, {"weight decay": f"{decay:g}", "pruned": share, "by": by})


def _report(runs: list[dict[str, float]], options: Options, row: Mapping[str, object]) -> None:
    """Append the means and the least values of the seeds."""
    line = {key: round(float(np.mean([one[key] for one in runs])), 4) for key in runs[0]}
    least = {f"least {key}": round(min(one[key] for one in runs), 4) for key in runs[0]}
    append(TABLE, {**row, "seeds": len(SEEDS), **line, **least}, quick=options.quick)
    print(*row.values(), "  ".join(f"{key} {100 * value:.1f}" for key, value in line.items()), flush=True)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, and the pairs by what is known of them.

    Attributes:
        first: weights of the units from either number.
        last: weights of the units to the sum.
        labels: positions of pairs, and the labels that they are compared with, by name.
    """

    first: Float[Tensor, "2 p u"]
    last: Float[Tensor, "u p"]
    labels: Mapping[str, tuple[Int[Tensor, " n"], Int[Tensor, " n"]]]

    def shares(self, kept: Bool[Tensor, " u"] | None = None) -> dict[str, float]:
        """The share of each kind of labels that is predicted by all units, or by those that are kept."""
        last = self.last if kept is None else self.last * kept[:, None]
        right = {}
        for name, (which, labels) in self.labels.items():
            guesses = scores(self.first, last, which).argmax(dim=1)
            right[name] = float((guesses == labels).float().mean())
        return right

    def kept(self, share: float, by: str) -> Bool[Tensor, " u"]:
        """The units that stay when a share of them is pruned, those of least magnitude or periodicity."""
        if by == "magnitude":
            value = self.first.norm(dim=(0, 1)) ** 2 * self.last.norm(dim=1)  # units are squared
        else:
            value = torch.stack([participation(w) for w in (*self.first.transpose(1, 2), self.last)]).sum(dim=0)
        kept: Bool[Tensor, " u"] = value.argsort().argsort() >= round(share * len(value))
        return kept


def participation(weights: Float[Tensor, "u p"]) -> Float[Tensor, " u"]:
    """Inverse participation ratio of each unit's Fourier coefficients: 1 for one frequency, 2 / p for all alike."""
    power = torch.fft.rfft(weights, dim=1).abs().square()[:, 1:]
    ratio: Float[Tensor, " u"] = (power / power.sum(dim=1, keepdim=True)).square().sum(dim=1)
    return ratio


def pairs() -> Int[Tensor, "n 2"]:
    """All pairs of numbers."""
    return torch.cartesian_prod(torch.arange(MODULUS), torch.arange(MODULUS))


def scores(first: Float[Tensor, "2 p u"], last: Float[Tensor, "u p"], which: Int[Tensor, " n"]) -> Float[Tensor, "n p"]:
    """Scores of the sums of these pairs."""
    a, b = pairs()[which].T
    return (first[0][a] + first[1][b]).square() @ last


def learn(decay: float, seed: int, *, steps: int) -> Trained:
    """Train with this weight decay."""
    g = torch.Generator().manual_seed(seed)
    sums = pairs().sum(dim=1) % MODULUS
    train, test = torch.randperm(len(sums), generator=g).chunk(2)
    wrong = train[: int(WRONG * len(train))]
    given = sums.clone()
    given[wrong] = (sums[wrong] + torch.randint(1, MODULUS, (len(wrong),), generator=g)) % MODULUS
    first = nn.Parameter(torch.randn((2, MODULUS, WIDTH), generator=g) / (2 * MODULUS) ** 0.5)
    last = nn.Parameter(torch.randn((WIDTH, MODULUS), generator=g) / WIDTH**0.5)
    optimizer = torch.optim.AdamW([first, last], lr=1e-2, weight_decay=decay, betas=(0.9, 0.98))
    targets = F.one_hot(given[train], MODULUS).float()
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(scores(first, last, train), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    labels = {
        "train": (train, given[train]),
        "test": (test, sums[test]),
        "wrong fitted": (wrong, given[wrong]),
        "wrong recovered": (wrong, sums[wrong]),
    }
    return Trained(first.detach(), last.detach(), labels)
