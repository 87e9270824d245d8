"""The detection head: scores regions by the words of the prompt and refines the boxes of the last level."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmcv.ops import batched_nms
from mmdet.models.layers import MLP
from mmdet.models.layers.transformer import inverse_sigmoid
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor, nn

from slan_mm.models.heads.detection_loss import DetectionLoss, DetectionOutputs
from slan_mm.registry import MODELS
from slan_mm.structures import Located

#: What similarity, a sum of cosines, is multiplied by, to begin with.
SCALE = 10.0
#: The score of a region without similarity, to begin with: RetinaNet's prior.
PRIOR = 0.01
#: With ``nms`` the best so many boxes of each prompt go into it, mmdet's ``nms_pre``.
CANDIDATES = 1000


def _logit(boxes: Tensor) -> Tensor:
    """Logits of boxes' numbers, limited so that sides as long as the image still have a gradient."""
    return inverse_sigmoid(boxes, eps=1e-2)


@MODELS.register_module()
class DetectionHead(BaseModule):
    """Logits and boxes of located regions.

    A logit is scale x pre-trained similarity of region and word + bias + a learned dot product of the fused region
    and word. The answer's box is that of the last level, moved by a learned offset. Both learned
    parts start at zero: a fresh head on pre-trained weights is the zero-shot detector, and fine-tuning starts there.

    Args:
        embed_dims: Width D.
        num_levels: Levels of boxes, G_0 included: L + 1.
        score_dims: Width of the learned dot product.
        max_per_img: Most boxes of an image.
        score_thr: Boxes with a lower score are left out.
        nms: Config of mmcv's ``batched_nms``, e.g. ``dict(iou_threshold=0.5)``; its ``type`` is 'nms' unless given.
            None for no NMS: the moves lead several regions to one object, so only a head that was trained for long can
            do without.
    """

    def __init__(
        self,
        embed_dims: int,
        num_levels: int,
        score_dims: int = 64,
        max_per_img: int = 100,
        score_thr: float = 0.0,
        nms: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.scale = nn.Parameter(torch.tensor(SCALE))
        self.bias = nn.Parameter(torch.tensor(math.log(PRIOR / (1 - PRIOR))))
        self.region_projection = nn.Linear(embed_dims, score_dims)
        self.word_projection = nn.Linear(embed_dims, score_dims)
        self.box_offset = MLP(embed_dims + 4 * num_levels, embed_dims, 4, 3)
        for last in (self.word_projection, self.box_offset.layers[-1]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.criterion = DetectionLoss()
        self.max_per_img = max_per_img
        self.score_thr = score_thr
        self.nms = nms

    def forward(self, located: Located, similarity: Tensor, tokens: Tensor) -> DetectionOutputs:
        """``similarity`` (P, NG, NT) of the last level's boxes and the words; ``tokens`` (C, NT), the token map."""
        fused = self.region_projection(located.regions) @ self.word_projection(located.words).transpose(1, 2)
        logits = self.scale * similarity + self.bias + fused.float() / math.sqrt(self.region_projection.out_features)
        # Where a region came from tells it from those that the moves have led to the same place.
        way = [_logit(boxes) for boxes in located.boxes]
        offset = self.box_offset(torch.cat([located.regions, *[step.to(located.regions.dtype) for step in way]], -1))
        # The difference of two sigmoids: exactly the last level's box where the offset is zero, border included.
        refined = located.boxes[-1] + (way[-1] + offset.float()).sigmoid() - way[-1].sigmoid()
        return DetectionOutputs(
            logits=logits,
            boxes=[*located.boxes, refined],
            region_mask=located.region_mask,
            tokens=tokens,
        )

    def loss(self, sums: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """See :meth:`DetectionLoss.mean`."""
        return self.criterion.mean(sums)

    def best(self, outputs: DetectionOutputs, row: int, classes: Sequence[int]) -> InstanceData:
        """The best boxes of pair ``row``, whose prompt names ``classes``: (region, class) pairs by falling score.

        Returns normalised ``bboxes`` xyxy, ``scores`` in (0, 1) and ``labels``, which are entries of ``classes``.
        """
        kept = outputs.region_mask[row]
        scores = outputs.class_logits()[row, kept].sigmoid()
        count = self.max_per_img if self.nms is None else max(CANDIDATES, self.max_per_img)
        score, index = scores.flatten().topk(min(count, scores.numel()))
        region, label = index // scores.shape[1], index % scores.shape[1]
        return InstanceData(
            bboxes=bbox_cxcywh_to_xyxy(outputs.boxes[-1][row, kept][region]).float(),
            scores=score,
            labels=torch.as_tensor(classes, device=label.device)[label],
        )

    def merge(self, parts: Sequence[InstanceData]) -> InstanceData:
        """Joins the boxes of one image's prompts: by falling score, after ``nms`` if there is one.

        Scores of different prompts are compared as they are: each is a probability of its own.
        """
        boxes = InstanceData.cat(list(parts))
        boxes = boxes[boxes.scores >= self.score_thr]
        if self.nms is not None and len(boxes):
            _, keep = batched_nms(boxes.bboxes, boxes.scores, boxes.labels, {'type': 'nms', **self.nms})
            boxes = boxes[keep]
        order = boxes.scores.sort(descending=True, stable=True).indices
        return boxes[order[: self.max_per_img]]
