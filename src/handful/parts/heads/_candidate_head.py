"""Fitted heads that also learn from images with several candidate classes in place of a label."""

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from handful.parts.heads._candidates import choose_strength_on_candidates, in_all_views
from handful.parts.heads._fitted import RANGE, FittedHead
from handful.parts.heads._held_out_scores import FitAndScore


class CandidateHead(FittedHead):
    """A head with the trait `candidates`."""

    def learn_candidates(
        self,
        x: Float32[np.ndarray, "m c"],
        targets: Float32[np.ndarray, "m k"],
        candidates: Float32[np.ndarray, "m k"],
        *,
        strength: float,
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The arrays for transformed features of images of which some have candidates.

        `targets` and `candidates` are as for `fit_candidates`.
        """
        raise NotImplementedError

    def fit_candidates(
        self,
        features: Float[Tensor, "n v c"],
        labels: Int[Tensor, " n"],
        *,
        targets: Float[Tensor, "n k"],
        candidates: Float[Tensor, "n k"],
        seed: int,
    ) -> None:
        """Fit to images of which some have several candidate classes in place of a label, see `_candidates`.

        Args:
            features: of v views of each image, the plain one first.
            labels: of the images; -1 where there is none.
            targets: class probabilities, times the weight of the image; rows of 0 without a label.
            candidates: the weight of the image at each class that it may show; rows of 0 with a label.
            seed: of the cross-validation.
        """
        x = self.training_inputs(self._centered_at(features, self.weights_of(targets, candidates))).cpu().numpy()
        rows, among, y = targets.cpu().numpy(), candidates.cpu().numpy(), labels.cpu().numpy()
        strength, temperature = choose_strength_on_candidates(
            self._fit_candidates_and_score,
            self.strengths,
            x,
            rows,
            among,
            y,
            start=self.start,
            bounds=(self.start / RANGE, self.start * RANGE),
            seed=seed,
        )
        learned = self.learn_candidates(*in_all_views(x, rows, among), strength=strength)
        self._keep(learned, strength=strength, temperature=temperature)

    def weights_of(self, targets: Float[Tensor, "n k"], candidates: Float[Tensor, "n k"]) -> Float[Tensor, " n"] | None:
        """How often each image counts in the mean of the features; None: all alike, unlabelled ones too."""
        return (targets.sum(dim=1) + candidates.amax(dim=1)).cpu()

    def _fit_candidates_and_score(self, strength: float) -> FitAndScore:
        def run(
            x: Float32[np.ndarray, "m c"],
            targets: Float32[np.ndarray, "m k"],
            candidates: Float32[np.ndarray, "m k"],
            to: Float32[np.ndarray, "n c"],
        ) -> Float[np.ndarray, "n k"]:
            learned = self.learn_candidates(x, targets, candidates, strength=strength)
            arrays = {name: torch.from_numpy(np.asarray(value, np.float32)) for name, value in learned.items()}
            return self.score(torch.from_numpy(to), arrays).numpy()

        return run
