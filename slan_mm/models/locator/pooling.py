"""Region pooling: from a feature map and boxes to one vector a region.

Two ops with one interface. ``RoIAlignPooling`` is the paper's: RoIAlign, then the average. ``ExactMeanPooling`` is the
exact mean of the bilinear feature map over the box, the limit of the former as its sampling ratio grows; it is a
matrix product, has a gradient to the box, and runs on any device.
"""

from __future__ import annotations

import torch
from mmcv.ops import RoIAlign
from mmdet.structures.bbox import bbox2roi, bbox_cxcywh_to_xyxy
from torch import Tensor, nn

from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS


def hat_integrals(low: Tensor, high: Tensor, size: int) -> Tensor:
    """Integrals of the ``size`` hat functions of linear interpolation from ``low`` to ``high``.

    Coordinates are in cells: hat i has its peak at i. The first and the last hat extend flat beyond the border, as
    RoIAlign clamps there, so that the integrals of a box sum to its side. ``low``, ``high`` (...,); returns
    (..., size).
    """
    peaks = torch.arange(size, device=low.device, dtype=low.dtype)
    first, last = peaks == 0, peaks == size - 1

    t = torch.stack([low, high]).unsqueeze(-1) - peaks
    inner = t.clamp(-1, 1)
    antiderivative = 0.5 + inner - inner * inner.abs() / 2
    antiderivative = torch.where(first & (t < 0), 0.5 + t, antiderivative)
    antiderivative = torch.where(last & (t > 0), 0.5 + t, antiderivative)
    return antiderivative[1] - antiderivative[0]


def mean_weights(boxes: Tensor, height: int, width: int) -> Tensor:
    """Each cell's weight in the exact mean over a box: boxes (P, N, 4) to (P, N, height * width); rows sum to 1."""
    # Half precision would lose the coordinates; double stays double.
    boxes = boxes if boxes.dtype == torch.float64 else boxes.float()
    x1, y1, x2, y2 = bbox_cxcywh_to_xyxy(boxes).unbind(-1)
    # Cell i's centre is at (i + 0.5) / size of the image.
    across = hat_integrals(x1 * width - 0.5, x2 * width - 0.5, width) / ((x2 - x1) * width).unsqueeze(-1)
    down = hat_integrals(y1 * height - 0.5, y2 * height - 0.5, height) / ((y2 - y1) * height).unsqueeze(-1)
    return (down.unsqueeze(-1) * across.unsqueeze(-2)).flatten(-2)


@MODELS.register_module()
class ExactMeanPooling(nn.Module):
    """The exact mean of the bilinear feature map over each box; differentiable in features and boxes.

    With a_w(box), b_h(box) the integrals of the hat functions over the box' sides,
    mean = sum_hw b_h a_w F[h, w] / area. This is what Precise RoI Pooling computes, written as a matrix product.

    Boxes lie in the image, see :func:`clip_boxes`: beyond it the map goes on flat here, and is zero to RoIAlign.
    """

    def forward(self, feature_map: Tensor, boxes: Tensor, pairs: PairIndex | None = None) -> Tensor:
        """Maps ``feature_map`` of B images (B, D, H, W) and ``boxes`` (P, N, 4) of positive size to (P, N, D).

        Boxes p are pooled from the map of the p-th of ``pairs``; None: from the p-th map.
        """
        pairs = PairIndex.rows(boxes) if pairs is None else pairs
        weights = mean_weights(boxes, *feature_map.shape[-2:]).to(feature_map.dtype)
        return pairs.matmul(weights, feature_map.flatten(2).transpose(1, 2))


@MODELS.register_module()
class RoIAlignPooling(nn.Module):
    """RoIAlign and average pooling, as in the paper; it has no gradient to the boxes.

    Args:
        output_size: Bins a side, averaged afterwards.
        sampling_ratio: Sampling points a bin side; 0 adapts to the box' size.
    """

    def __init__(self, output_size: int = 7, sampling_ratio: int = 2) -> None:
        super().__init__()
        self.roi_align = RoIAlign(output_size, spatial_scale=1.0, sampling_ratio=sampling_ratio, aligned=True)

    def forward(self, feature_map: Tensor, boxes: Tensor, pairs: PairIndex | None = None) -> Tensor:
        """As :meth:`ExactMeanPooling.forward`."""
        pairs = PairIndex.rows(boxes) if pairs is None else pairs
        num_pairs, num_boxes = boxes.shape[:2]
        height, width = feature_map.shape[-2:]
        scale = boxes.new_tensor([width, height, width, height])
        rois = bbox2roi(list((bbox_cxcywh_to_xyxy(boxes.detach()) * scale).float()))
        rois[:, 0] = pairs.image.repeat_interleave(num_boxes)
        # The op is written for float32 and float64; half-precision input would lose the coordinates.
        pooled = self.roi_align(feature_map.float(), rois).mean(dim=(2, 3))
        return pooled.view(num_pairs, num_boxes, feature_map.shape[1]).to(feature_map.dtype)
