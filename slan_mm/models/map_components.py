"""A box for each thing: the connected parts of a phrase's map as further regions of the phrase."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.ops import box_iou

from slan_mm.registry import MODELS


@MODELS.register_module()
class MapComponents(nn.Module):
    """Boxes around the connected cells of a map that are over a share of its peak, for each of several shares.

    Moments give all that responds one box. Things that stand apart are components of their own at some share. A box is
    ranked by its agreement, its mean IoU with all boxes of the map: what has a sharp border keeps its box over many
    shares.

    Args:
        shares: Shares of the peak, between 0 and 1.

    Raises:
        ValueError: There is no share, or one is not between 0 and 1.
    """

    def __init__(self, shares: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)) -> None:
        super().__init__()
        if not shares or not all(0 < share < 1 for share in shares):
            raise ValueError(f'shares of the peak must be between 0 and 1, got {list(shares)}')
        self.shares = tuple(shares)

    def forward(self, response: Tensor) -> tuple[Tensor, Tensor]:
        """Of a map ``response`` (H, W) the distinct boxes (K, 4), normalised xyxy, and their agreement (K,), falling.

        K is 0 where nothing is over 0.
        """
        from scipy.ndimage import find_objects, label  # seldom needed

        values, (height, width) = response.detach().float().cpu().numpy(), response.shape
        peak = float(values.max())
        corners = [
            (columns.start, rows.start, columns.stop, rows.stop)
            for share in self.shares
            if peak > 0
            for rows, columns in find_objects(label(values > share * peak)[0])
        ]
        size = response.new_tensor([width, height, width, height], dtype=torch.float32)
        cells = np.unique(np.array(corners, dtype=np.float32).reshape(-1, 4), axis=0)
        boxes = torch.from_numpy(cells).to(size) / size
        if not len(boxes):
            return boxes, boxes.new_zeros(0)
        agreement, order = box_iou(boxes, boxes).mean(1).sort(descending=True, stable=True)
        return boxes[order], agreement


def add_components(components: MapComponents, maps: Sequence[Sequence[Tensor | None]], data_samples: Sequence) -> None:
    """Adds the components of each phrase's map to its regions of the last level, the last of ``pred_phrases``.

    Of a phrase that names one thing the best region stays the best. A component scores as much as that, less what its
    agreement lacks to 1. Of a phrase that names several, by ``pred_counts``, the components come first: 1 is taken off
    the scores of all other regions, each of which tends to hold all of the things.

    Adaptors would not keep these boxes apart. Those that size by moments would draw them all to one.

    Args:
        components: Makes the boxes.
        maps: Of each sample the map (H, W) of each phrase, None where it was not read.
        data_samples: With ``pred_phrases``, see :func:`~slan_mm.models.phrase_grounding.rank_regions`, and
            ``pred_counts``, see :func:`~slan_mm.models.phrase_number.set_counts`.
    """
    for sample, of_phrases in zip(data_samples, maps, strict=True):
        height, width = sample.ori_shape
        for count, levels, response in zip(sample.pred_counts, sample.pred_phrases, of_phrases, strict=True):
            if response is None or not len(levels[-1]['scores']):
                continue
            own = levels[-1]
            boxes, agreement = components(response)
            boxes = boxes * boxes.new_tensor([width, height, width, height])
            scores = own['scores'][0] - (1 - agreement.to(own['scores']))
            found = [(own['boxes'], own['scores'] - float(count > 1)), (boxes.to(own['boxes']), scores)]
            # Of equal scores the first stays first.
            found = found[::-1] if count > 1 else found
            ranked, order = torch.cat([score for _, score in found]).sort(descending=True, stable=True)
            levels[-1] = dict(boxes=torch.cat([box for box, _ in found])[order], scores=ranked)
