"""Object or background for each cell of an image, by its likeness to the cells of images with masks.

`Attention` compares a cell with the most similar ones of the masked images (token matching of UniAP and Chameleon,
without their training): for objects that are larger than a cell. `Linear` is logistic regression on the maps of all
strides: for what is thinner, such as vessels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from handful.core.dataset import Mask
from handful.models.frozen_maps import STRIDES, ImageMaps, enlarge

COARSE = (8, 16, 32)  # strides that `Attention` compares
SPARSE = (8, 16)  # the same where all masks are partial: cells at larger strides see too far beyond a scribble
CHUNK = 1024


@dataclass(frozen=True, eq=False)
class Support:
    """The maps of an image with its mask, and the pixels that it speaks of; None: all."""

    maps: ImageMaps
    mask: Mask
    known: Mask | None = None

    def cells(self, stride: int) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Positions of the cells that the mask speaks of, and the share of each that it covers."""
        size = self.maps.cells(stride)[::-1]
        if self.known is None:
            share = cv2.resize(self.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA).ravel()
            return np.arange(len(share)), share
        known, covered = (
            cv2.resize(m.astype(np.float32), size, interpolation=cv2.INTER_AREA).ravel()
            for m in (self.known, self.known & self.mask)
        )
        index = np.flatnonzero(known > 0)
        return index, covered[index] / known[index]


class Attention:
    """The weighted mean of the coverage of the `top` most similar cells; weights are a softmax over cosines.

    Args:
        supports: maps and masks.
        rng: draws the cells of an image where there are more than fit into `most`.
        top: number of cells.
        temperature: of the softmax.
        most: cells that are compared with in all, as many of the object as of the background where both abound.
    """

    def __init__(
        self,
        supports: Sequence[Support],
        rng: np.random.Generator,
        *,
        top: int = 16,
        temperature: float = 0.02,
        most: int = 16384,
    ) -> None:
        self._whole = any(support.known is None for support in supports)
        keys, values = [], []
        for support in supports:
            vectors = self._vectors(support.maps).flatten(1)
            index, share = support.cells(COARSE[0])
            drawn = _sample(share > 0.25, max(2, most // len(supports)), rng)
            keys.append(vectors[:, torch.from_numpy(index[drawn])])
            values.append(torch.from_numpy(share[drawn]))
        self._keys, self._values = torch.cat(keys, dim=1), torch.cat(values)
        self._top, self._temperature = min(top, len(self._values)), temperature

    def __call__(self, maps: ImageMaps) -> Float[Tensor, "h w"]:
        """Probability of the object in each cell at stride 8."""
        vectors = self._vectors(maps)
        likely = []
        for chunk in torch.split(vectors.flatten(1).T, CHUNK):
            cosines, index = self._most_alike(chunk @ self._keys)
            likely.append(((cosines / self._temperature).softmax(dim=1) * self._values[index]).sum(dim=1))
        return torch.cat(likely).reshape(vectors.shape[1:])

    def _most_alike(self, cosines: Float[Tensor, "n m"]) -> tuple[Float[Tensor, "n top"], Int[Tensor, "n top"]]:
        """The largest cosines of each row, and their columns."""
        return cosines.topk(self._top, dim=1)

    def _vectors(self, maps: ImageMaps) -> Float[Tensor, "c h w"]:
        """What is compared: with whole masks, how a cell differs from the rest of its image."""
        return maps.joined(COARSE if self._whole else SPARSE, normalize=True, center=self._whole)


def _sample(is_object: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of at most so many cells, of the object and the background alike where there are enough."""
    if len(is_object) <= most:
        return np.arange(len(is_object))
    objects, grounds = (rng.permutation(np.flatnonzero(which)) for which in (is_object, ~is_object))
    n = max(most - len(grounds), min(len(objects), most // 2))
    return np.concatenate([objects[:n], grounds[: most - n]])


class Linear:
    """Logistic regression on the standardized maps of all strides, joined at stride 2.

    As it is linear, the score of a cell is the sum of its scores at each stride, enlarged: no joined maps are needed to
    predict. The object and the background weigh the same.

    Args:
        supports: maps and masks.
        rng: draws the cells.
        l2: penalty.
        cells: drawn from each image.
        most: cells in all.
    """

    def __init__(
        self,
        supports: Sequence[Support],
        rng: np.random.Generator,
        *,
        l2: float = 0.01,
        cells: int = 8192,
        most: int = 40960,
    ) -> None:
        features, shares = [], []
        for support in supports:
            joined = support.maps.joined(STRIDES, normalize=False).flatten(1).T
            index, share = support.cells(STRIDES[0])
            drawn = rng.permutation(len(index))[: min(cells, max(2, most // len(supports)))]
            features.append(joined[torch.from_numpy(index[drawn])])
            shares.append(torch.from_numpy(share[drawn]))
        x, y = torch.cat(features), torch.cat(shares)
        mean, std = x.mean(dim=0), x.std(dim=0).clamp_min(1e-6)
        weight, bias = _logistic((x - mean) / std, y, l2)
        self._weight = weight / std
        self._bias = bias - (self._weight * mean).sum()

    def __call__(self, maps: ImageMaps) -> Float[Tensor, "h w"]:
        """Probability of the object in each cell at stride 2."""
        size, start = maps.cells(STRIDES[0]), 0
        score = self._bias.expand(size)
        for stride in STRIDES:
            level = maps.levels[stride].float()
            weight = self._weight[start : start + len(level)]
            score = score + enlarge(torch.einsum("c,chw->hw", weight, level)[None], size)[0]
            start += len(level)
        return score.sigmoid()


def _logistic(
    x: Float[Tensor, "n c"], y: Float[Tensor, " n"], l2: float, *, iterations: int = 60
) -> tuple[Float[Tensor, " c"], Float[Tensor, ""]]:
    """Weights and bias of logistic regression on shares, where object and background weigh one half each."""
    share = y.mean().clamp(1e-4, 1 - 1e-4)
    importance = 0.5 * (y / share + (1 - y) / (1 - share))
    with torch.inference_mode(mode=False), torch.enable_grad():
        x, y, importance = x.clone(), y.clone(), importance.clone()
        w = torch.zeros(x.shape[1] + 1, requires_grad=True)
        optimizer = torch.optim.LBFGS([w], max_iter=iterations, history_size=10, line_search_fn="strong_wolfe")

        def loss() -> float:
            optimizer.zero_grad()
            nll = F.binary_cross_entropy_with_logits(x @ w[:-1] + w[-1], y, reduction="none")
            total = (nll * importance).mean() + l2 * w[:-1].square().sum() / 2
            total.backward()  # type: ignore[no-untyped-call]
            return float(total.detach())

        optimizer.step(loss)  # type: ignore[no-untyped-call]
    return w.detach()[:-1], w.detach()[-1]
