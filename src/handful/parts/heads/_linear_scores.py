"""Fitted heads whose scores are linear in the features."""

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float, Float32
from torch import Tensor

from handful.parts.heads._candidate_head import CandidateHead
from handful.parts.heads._fitted import Arrays
from handful.parts.heads._held_out_scores import FitAndScore


class LinearScores(CandidateHead):
    """Keeps `weight` [k c] and `bias` [k]."""

    names = ("weight", "bias")

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """One score per class; scikit-learn's single one of two classes is split in two."""
        return F.linear(x, arrays["weight"], arrays["bias"])

    def _fit_candidates_and_score(self, strength: float) -> FitAndScore:
        def run(
            x: Float32[np.ndarray, "m c"],
            targets: Float32[np.ndarray, "m k"],
            candidates: Float32[np.ndarray, "m k"],
            to: Float32[np.ndarray, "n c"],
        ) -> Float[np.ndarray, "n k"]:
            learned = self.learn_candidates(x, targets, candidates, strength=strength)
            return np.asarray(to @ learned["weight"].T + learned["bias"])

        return run
