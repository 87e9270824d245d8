"""The detection loss: one-to-one assignment, token-level focal loss, L1 + GIoU on every level.

Shapes: P pairs of an image and a prompt, NG regions, NT tokens, C classes of the prompt, L + 1 levels of boxes and one
refinement, G annotated boxes of an image. Boxes are normalised cxcywh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmdet.models.losses import FocalLoss, GIoULoss, L1Loss
from mmdet.models.task_modules import HungarianAssigner
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor

from slan_mm.models.dist import global_mean
from slan_mm.registry import MODELS


@dataclass
class DetectionOutputs:
    """The head's outputs for P pairs.

    - ``logits`` (P, NG, NT): each region against each token of the prompt.
    - ``boxes`` [G_0, ..., G_L, refined], each (P, NG, 4): of every level, and the answer.
    - ``region_mask`` (P, NG): True at kept regions.
    - ``tokens`` (C, NT): True where a token names a class.
    - ``weight`` (NT,): how much a token counts in the score of its class; None: all the same. No loss reads it.
    """

    logits: Tensor
    boxes: list[Tensor]
    region_mask: Tensor
    tokens: Tensor
    weight: Tensor | None = None

    def class_logits(self) -> Tensor:
        """The weighted mean over a class' tokens: (P, NG, C)."""
        share = self.tokens.to(self.logits.dtype)
        if self.weight is not None:
            share = share * self.weight.to(share.dtype)
        return self.logits @ (share / share.sum(1, keepdim=True)).T


@dataclass
class DetectionTarget:
    """The annotation of one image: ``boxes`` (G, 4) and ``labels`` (G,), rows of the prompt's token map."""

    boxes: Tensor
    labels: Tensor


@MODELS.register_module()
class DetectionLoss(BaseModule):
    """DETR's set loss with words in place of class indices.

    Regions are assigned by the refined boxes and the logits; region n is one object on every level, so all levels
    share the assignment. Sums are divided by the number of assigned regions of the global batch, so that a loss does
    not depend on how images are spread over ranks or grouped by size.

    Costs and weights are DETR's: classes 2, L1 5 and GIoU 2 in the assignment, 1, 5 and 2 in the loss. The boxes of
    every level count as much as the refined ones.
    """

    def __init__(self, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.assigner = HungarianAssigner(
            match_costs=[
                dict(type='mmdet.BinaryFocalLossCost', weight=2.0),
                dict(type='mmdet.BBoxL1Cost', weight=5.0, box_format='xywh'),
                dict(type='mmdet.IoUCost', iou_mode='giou', weight=2.0),
            ]
        )
        self.loss_cls = FocalLoss(use_sigmoid=True)
        self.loss_bbox = L1Loss(loss_weight=5.0)
        self.loss_iou = GIoULoss(loss_weight=2.0)

    @torch.no_grad()
    def assign(self, outputs: DetectionOutputs, row: int, target: DetectionTarget) -> tuple[Tensor, Tensor]:
        """One-to-one: the regions of pair ``row`` that answer for a box (A,), and the box of each (A,)."""
        kept = outputs.region_mask[row].nonzero().squeeze(1)
        names = outputs.tokens.any(0)
        instances = InstanceData(
            bboxes=bbox_cxcywh_to_xyxy(target.boxes),
            labels=target.labels,
            positive_maps=outputs.tokens[target.labels].float(),
            text_token_mask=names.expand(len(target.labels), -1),
        )
        predictions = InstanceData(
            bboxes=bbox_cxcywh_to_xyxy(outputs.boxes[-1][row, kept]).float(), scores=outputs.logits[row, kept].float()
        )
        # Boxes are normalised already.
        result = self.assigner.assign(predictions, instances, img_meta=dict(img_shape=(1, 1)))
        matched = (result.gt_inds > 0).nonzero().squeeze(1)
        return kept[matched], result.gt_inds[matched] - 1

    def sums(self, outputs: DetectionOutputs, targets: Sequence[DetectionTarget]) -> dict[str, Tensor]:
        """Sums over P pairs of each loss, not yet divided; ``count``, the assigned regions, and ``matched_iou``."""
        wanted = torch.zeros_like(outputs.logits)
        pairs: list[Tensor] = []
        regions: list[Tensor] = []
        boxes: list[Tensor] = []
        for row, target in enumerate(targets):
            region, box = self.assign(outputs, row, target)
            wanted[row, region] = outputs.tokens[target.labels[box]].to(wanted.dtype)
            pairs.append(torch.full_like(region, row))
            regions.append(region)
            boxes.append(target.boxes[box])
        pair, region, gold = torch.cat(pairs), torch.cat(regions), torch.cat(boxes)

        names = outputs.tokens.any(0)
        logits, kept = outputs.logits[..., names], outputs.region_mask
        weight = kept[..., None].expand_as(logits)
        losses = dict(
            loss_cls=self.loss_cls(
                logits.flatten(0, 1).float(),
                wanted[..., names].flatten(0, 1),
                weight.flatten(0, 1).float(),
                reduction_override='sum',
            )
        )
        corners = bbox_cxcywh_to_xyxy(gold)
        last = len(outputs.boxes) - 1
        for level, level_boxes in enumerate(outputs.boxes):
            name = 'refined' if level == last else f'level{level}'
            predicted = level_boxes[pair, region].float()
            losses[f'loss_bbox_{name}'] = self.loss_bbox(predicted, gold, reduction_override='sum')
            giou = self.loss_iou(bbox_cxcywh_to_xyxy(predicted), corners, reduction_override='sum')
            losses[f'loss_iou_{name}'] = giou
        answer = bbox_cxcywh_to_xyxy(outputs.boxes[-1][pair, region].detach().float())
        losses['matched_iou'] = bbox_overlaps(answer, corners, is_aligned=True).sum()
        losses['count'] = losses['loss_cls'].new_tensor(float(len(pair)))
        return losses

    def mean(self, sums: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """The losses of a batch from the :meth:`sums` of its parts: divided by the assigned regions of all ranks."""
        total = {name: torch.stack([part[name] for part in sums]).sum() for name in sums[0]}
        count = total.pop('count')
        return {name: global_mean(value, count) for name, value in total.items()}
