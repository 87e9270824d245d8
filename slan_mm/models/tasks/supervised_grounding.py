"""Phrase grounding that learns from boxes (section 4.2.6).

Without boxes :class:`SLAN` grounds phrases, and its pre-training losses on the captions are the weak fine-tuning. The
paper does not say how boxes are learned. Here it is DETR's set loss, with the detection head on phrases instead of
classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh
from torch import Tensor

from slan_mm.models.base import BaseSLAN
from slan_mm.models.heads.detection_loss import DetectionOutputs, DetectionTarget
from slan_mm.models.heads.word_weights import WordWeights
from slan_mm.models.inference import GroundingInference
from slan_mm.models.phrase_grounding import grounding_scores, rank_regions
from slan_mm.models.phrase_words import phrase_tokens
from slan_mm.models.sizes import build_sized
from slan_mm.models.state_dict_hooks import keep_fresh_head
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, Located, TextFeatures, TextTokens


@MODELS.register_module()
class SLANGrounder(GroundingInference, BaseSLAN):
    """Finds the boxes of phrases, and learns them from boxes.

    Samples are those of ``GroundingDataset``: ``text``, ``phrases`` and ``ori_shape``. In training, a box that several
    phrases share is one object with all their words; words of phrases without a box are no negatives, because their
    place is unknown.

    Args:
        head: Config of the :class:`DetectionHead`.
        word_weights: Arguments of :class:`WordWeights`; None: all words of a phrase count the same.
        base: What :class:`BaseSLAN` takes.
    """

    #: Prediction leaves ``pred_phrases``, ranked regions of each phrase.
    scores_mean = (
        'The probability that a box overlaps a gold box with an IoU of .5 or more, learned from phrases that are in '
        'the image, so it says little about absent objects.'
    )
    grounds_phrases = True
    scores_regions = True

    def __init__(self, head: dict | None = None, word_weights: dict | None = None, **base: Any) -> None:
        super().__init__(**base)
        levels = len(self.locator.adaptors) + 1
        self.head = build_sized(
            dict(type='DetectionHead') | (head or {}), 'head', embed_dims=self.embed_dims, num_levels=levels
        )
        self.word_weights = None if word_weights is None else WordWeights(self.space_dims, **word_weights)
        self.register_load_state_dict_pre_hook(keep_fresh_head)

    def outputs(
        self,
        image: ImageFeatures,
        text: TextFeatures,
        tokens: TextTokens,
        located: Located | None = None,
        pairs: PairIndex | None = None,
    ) -> DetectionOutputs:
        """The head's outputs for P pairs; what is taken is that of :meth:`ground_pairs`."""
        located = self.locate(image, text, pairs) if located is None else located
        scores = grounding_scores(self.image_branch, image, text, located, pairs)[-1]
        return self.head(located, scores, tokens.word_mask)

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """The losses of :class:`DetectionLoss`: token-level focal loss, and L1 + GIoU on every level."""
        tokens = self.tokenize([sample.text for sample in data_samples])
        outputs = self.outputs(self.encode_image(inputs), self.encode_text(tokens), tokens)
        sums = []
        for row, phrases in enumerate(phrase_tokens(tokens, data_samples)):
            words, target = phrase_objects(phrases, data_samples[row], tokens.mask.shape[1], outputs.boxes[0])
            own = slice(row, row + 1)
            outputs_of_row = replace(
                outputs,
                logits=outputs.logits[own],
                boxes=[boxes[own] for boxes in outputs.boxes],
                region_mask=outputs.region_mask[own],
                tokens=words,
            )
            sums.append(self.head.criterion.sums(outputs_of_row, [target]))
        return self.head.loss(sums)

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """Grounds the phrases of each sample's text in its image; see :meth:`ground_pairs`."""
        tokens = self.tokenize([sample.text for sample in data_samples])
        return self.ground_pairs(self.encode_image(inputs), self.encode_text(tokens), tokens, None, data_samples)

    @torch.no_grad()
    def ground_pairs(
        self,
        image: ImageFeatures,
        text: TextFeatures,
        tokens: TextTokens,
        located: Located | None,
        data_samples: list,
        pairs: PairIndex | None = None,
    ) -> list:
        """Adds ``pred_phrases`` and ``pred_regions``, see :func:`rank_regions`; one level more than the locator has.

        The answer is the refined boxes; before them stand those of G_0 and of each adaptor. A region has one score on
        all levels, the sigmoid of the (weighted) mean logit of the phrase's words: the model's probability that the
        refined box is the phrase's.

        Args:
            image: Of B images.
            text, tokens: Of P texts, that of pair p the p-th.
            located: Of the pairs; None locates them.
            data_samples: P samples.
            pairs: Of which image each text is; None: text p of image p.
        """
        outputs = self.outputs(image, text, tokens, located, pairs)
        logits = [outputs.logits.float()] * len(outputs.boxes)
        weight = None if self.word_weights is None else self.word_weights(text)
        rank_regions(outputs.boxes, logits, outputs.region_mask, tokens, text.word_mask, data_samples, weight)
        for sample in data_samples:
            for levels in sample.pred_phrases:
                for level in levels:
                    level['scores'] = level['scores'].sigmoid()
        return data_samples


def phrase_objects(phrases: Sequence[Tensor], sample: Any, length: int, like: Tensor) -> tuple[Tensor, DetectionTarget]:
    """The tokens of the G different boxes of a sample's phrases, (G, ``length``) bool, and the boxes.

    A box that reaches over the image is cut to it. Phrases that were cut off by the text encoder's limit are left
    out. ``like`` tells device and type.
    """
    height, width = sample.ori_shape
    scale = like.new_tensor([width, height, width, height])
    boxes, words = [like.new_zeros(0, 4)], []
    for tokens, phrase in zip(phrases, sample.get('phrases') or [], strict=True):
        if tokens.any() and len(phrase['boxes']):
            boxes.append((phrase['boxes'].to(like) / scale).clamp(0, 1))
            words += [tokens] * len(phrase['boxes'])
    different, index = torch.unique(torch.cat(boxes), dim=0, return_inverse=True)
    joined = torch.zeros(len(different), length, dtype=torch.bool, device=like.device)
    for place, tokens in zip(index.tolist(), words, strict=True):
        joined[place] |= tokens
    labels = torch.arange(len(different), device=like.device)
    return joined, DetectionTarget(bbox_xyxy_to_cxcywh(different).float(), labels)
