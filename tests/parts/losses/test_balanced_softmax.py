import math
from dataclasses import replace

import numpy as np
import torch

from tests.parts.losses.examples import BOTH, COUNTS, ONE_HOT, K, build_long_tailed, example, mixture, rows


@BOTH
def test_balanced_softmax_shares_out_by_the_counts(kind: str) -> None:
    output, batch = example(kind)
    costs = []
    for row in rows(output.logits):
        share = [n * math.exp(s) for n, s in zip(COUNTS, row, strict=True)]
        costs.append([-math.log(x / sum(share)) for x in share])
    found = build_long_tailed("balanced_softmax")(output, batch)
    torch.testing.assert_close(found, mixture(costs, batch.targets))
    torch.testing.assert_close(found, build_long_tailed("logit_adjustment")(output, batch))


def test_at_the_adjusted_optimum_plain_logits_are_those_of_balanced_classes() -> None:
    """Features that say nothing: cross-entropy learns the prior, the adjusted loss learns that nothing is known."""
    logits = torch.zeros(K, requires_grad=True)
    labels = torch.from_numpy(np.repeat(np.arange(K), COUNTS))
    output, batch = example(ONE_HOT, n=len(labels))
    batch = replace(batch, labels=labels, targets=torch.eye(K)[labels])
    loss, step = build_long_tailed("balanced_softmax"), torch.optim.LBFGS([logits], max_iter=200)

    def closure() -> torch.Tensor:
        step.zero_grad()
        value: torch.Tensor = loss(replace(output, logits=logits.expand(len(labels), K)), batch).mean()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.no_grad():
        logits += torch.tensor([1.0, -2.0, 0.5, 3.0])
    step.step(closure)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(logits.softmax(dim=0), torch.full((K,), 1 / K), atol=1e-3, rtol=0)
