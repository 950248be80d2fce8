"""Copy-paste: objects with their masks, or boxes, are pasted from one image of the batch into another.

Objects among images with masks are the simple copy-paste of Ghiasi et al. 2021 (https://arxiv.org/abs/2012.07177).
Bidirectional copy-paste (Bai et al. 2023, https://arxiv.org/abs/2305.00673) pastes between an image with a mask and one
without, both ways; what the latter shows is said by the mean teacher, with half the weight of a hand mask. It is
`paste = "box"` with the recipe's `ema`. The paper also keeps only the largest component of the teacher's mask, which
fits one organ and not vessels: that is left out.
"""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, possible_labels
from handful.parts.augment._boxes import inner_boxes
from handful.parts.augment._mix import mix_index, mix_known, mix_labels, mix_weights
from handful.parts.augment._part import Augment, bernoulli, check_choice, check_number

mixes_images = True
asks_teacher = True


def build(
    _context: Context,
    *,
    paste: str = "object",
    probability: float = 0.5,
    side: float = 2 / 3,
    guessed: float = 0.5,
    rise: float = 0.3,
) -> Augment:
    """Paste objects or boxes, with their pixel labels.

    An image without a mask has a partner with one, which has it as its partner in turn while there are such images;
    other partners are drawn at random. Targets and weights are averaged with the visible areas, as in CutMix. In a
    recipe without `ema` an image without a mask has no pixel labels, and gives none.

    Args:
        paste: "object", all pixels of the partner that are not background, or a "box".
        probability: chance that something is pasted into an image.
        side: of the box, as a share of the image's.
        guessed: factor of the loss of a pixel whose label is the mean teacher's, in [0, 1].
        rise: share of the stage over which this factor rises from 0, linearly.

    Raises:
        ValueError: an option is out of range.
    """
    check_choice("paste", paste, ("object", "box"))
    for name, value in (("probability", probability), ("guessed", guessed), ("rise", rise)):
        check_number(name, value, 0.0, 1.0)
    check_number("side", side, 0.01, 1.0)

    def copy_paste(batch: Batch, generator: torch.Generator) -> Batch:
        n, _, h, w = batch.images.shape
        has_mask = batch.has_mask
        factor = guessed * (min(1.0, batch.progress / rise) if rise > 0 else 1.0)
        maps, weights = _with_guesses(batch, has_mask, factor)
        partner = _paired(has_mask, generator)
        if paste == "box":
            pasted = inner_boxes(n, h, w, generator, scale=(side**2, side**2), ratio=(w / h, w / h))[0].mask(h, w)
        else:
            pasted = maps[partner] > 0
        pasted = pasted & bernoulli(batch.images, generator, probability)[:, None, None]
        visible = 1 - pasted.float().mean(dim=(1, 2))
        labels, targets = mix_labels(batch, partner, visible)
        mixed = torch.where(pasted[:, None], batch.images[partner], batch.images)
        return replace(
            batch,
            images=mixed.contiguous(memory_format=torch.channels_last),
            labels=labels,
            targets=targets,
            index=mix_index(batch, partner, visible),
            known=mix_known(batch, partner, visible),
            weights=mix_weights(batch, partner, visible),
            pixel_labels=torch.where(pasted, maps[partner], maps),
            pixel_weights=None if weights is None else torch.where(pasted, weights[partner], weights),
            teacher_output=None,
        )

    return copy_paste


def _with_guesses(
    batch: Batch, has_mask: Bool[Tensor, " n"], factor: float
) -> tuple[Int[Tensor, "n h w"], Float[Tensor, "n h w"] | None]:
    """Pixel labels, with the mean teacher's where an image has none, and the factors of their losses.

    The teacher chooses between background and the image's own class; among all classes where it has no label.
    """
    if batch.teacher_output is None or factor == 0:
        return batch.pixel_labels, None
    scores = batch.teacher_output.pixels
    assert scores is not None, "a recipe with this part needs a head that segments"
    possible = possible_labels(batch.labels, scores.shape[1])
    guesses = scores.masked_fill(~possible[:, :, None, None], -torch.inf).argmax(dim=1)
    own = has_mask[:, None, None]
    return torch.where(own, batch.pixel_labels, guesses), torch.where(own, 1.0, factor).expand(guesses.shape)


def _paired(has_mask: Bool[Tensor, " n"], generator: torch.Generator) -> Int[Tensor, " n"]:
    """The partner of each image: one with a mask for one without, and the reverse while there are such; else any."""
    order = torch.randperm(len(has_mask), generator=generator, device=generator.device)
    masked, others = order[has_mask[order]], order[~has_mask[order]]
    pairs = min(len(masked), len(others))
    partner = torch.empty_like(order)
    partner[masked], partner[others] = masked.roll(-1), others.roll(-1)
    partner[masked[:pairs]] = others[:pairs]
    if len(masked) > 0:
        partner[others] = masked[torch.arange(len(others), device=masked.device) % len(masked)]
    return partner
