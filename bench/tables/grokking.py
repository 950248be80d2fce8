"""Whether weight decay unlearns wrong labels: addition modulo 59, 20 % of the labels wrong.

After "To grok or not to grok" (Doshi et al. 2024, https://arxiv.org/abs/2310.13061), whose modulus is 97: a network of
one hidden layer of 500 quadratic units learns half of all pairs by AdamW (rate 0.01, full batch, squared error, 500
steps). Shares of the training labels as given, of the other pairs, and of the wrong labels: fitted as given, or
recovered, which is the right sum in place of the given one. Three seeds, each with its own pairs and wrong labels.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

from bench.support.options import Options
from bench.support.record import append

TABLE = "grokking"
MODULUS, WIDTH, STEPS, WRONG = 59, 500, 500, 0.2
DECAYS, SEEDS = (0.0, 1.0, 5.0, 15.0), (0, 1, 2)


def run(options: Options) -> None:
    """Each weight decay on the same pairs."""
    for decay in DECAYS[:1] if options.quick else DECAYS:
        runs = [learn(decay, seed, steps=4 if options.quick else STEPS) for seed in SEEDS]
        line = {key: round(float(np.mean([one[key] for one in runs])), 4) for key in runs[0]}
        least = {f"least {key}": round(min(one[key] for one in runs), 4) for key in runs[0]}
        append(TABLE, {"decay": f"{decay:g}", "seeds": len(SEEDS), **line, **least}, quick=options.quick)
        print(f"{decay:>5g}  " + "  ".join(f"{key} {100 * value:.1f}" for key, value in line.items()), flush=True)


def learn(decay: float, seed: int, *, steps: int) -> dict[str, float]:
    """Train with this weight decay; the shares of the four kinds of labels that are predicted."""
    g = torch.Generator().manual_seed(seed)
    pairs = torch.cartesian_prod(torch.arange(MODULUS), torch.arange(MODULUS))
    sums = pairs.sum(dim=1) % MODULUS
    train, test = torch.randperm(len(pairs), generator=g).chunk(2)
    wrong = train[: int(WRONG * len(train))]
    given = sums.clone()
    given[wrong] = (sums[wrong] + torch.randint(1, MODULUS, (len(wrong),), generator=g)) % MODULUS
    first = nn.Parameter(torch.randn((2, MODULUS, WIDTH), generator=g) / (2 * MODULUS) ** 0.5)
    last = nn.Parameter(torch.randn((WIDTH, MODULUS), generator=g) / WIDTH**0.5)

    def scores(which: Int[Tensor, " n"]) -> Tensor:
        a, b = pairs[which].T
        return (first[0][a] + first[1][b]).square() @ last

    optimizer = torch.optim.AdamW([first, last], lr=1e-2, weight_decay=decay, betas=(0.9, 0.98))
    targets = F.one_hot(given[train], MODULUS).float()
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(scores(train), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def share(which: Int[Tensor, " n"], labels: Int[Tensor, " n"]) -> float:
        with torch.no_grad():
            return float((scores(which).argmax(dim=1) == labels[which]).float().mean())

    return {
        "train": share(train, given),
        "test": share(test, sums),
        "wrong fitted": share(wrong, given),
        "wrong recovered": share(wrong, sums),
    }
