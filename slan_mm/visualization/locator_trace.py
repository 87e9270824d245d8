"""What a model makes of a picture and its text, step by step: what the figures of the paper show."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmengine.dataset import pseudo_collate
from torch import Tensor

from slan_mm.evaluation.functional import best_iou
from slan_mm.models.inference import evaluating
from slan_mm.models.phrase_grounding import best_boxes
from slan_mm.models.phrase_words import phrase_tokens, span_tokens
from slan_mm.pair_index import PairIndex
from slan_mm.visualization.collect import picture_name, visible_picture


@dataclass
class LocatorTrace:
    """A picture, its text, and what every step of the model finds; all boxes are absolute xyxy in original pixels.

    - ``sample_id``, ``name``, see :func:`picture_name`, ``text``, ``image`` (H, W, 3) uint8 RGB, ``shape``
      (height, width) in original pixels.
    - ``spans``: of each of N phrases its characters; ``gold``: its (n, 4) gold boxes, n may be 0.
    - ``boxes`` (N, levels, 4), ``scores`` (N, levels): each phrase's best region before any adaptor and after each
      level, and how well it matches the phrase.
    - ``regions``: of each level, the (NG, 4) kept regions.
    - ``proposals`` (Nq, 4), ``saliency`` (Nq,), 1 for the most salient, ``kept`` (Nq,) bool: what the region filter
      read and decided.
    - ``activation`` (N, H', W'): each phrase's word-activation map, the mean over its words.
    - ``ranked``: of each phrase, of each level, all boxes that hardly overlap, (n, 4), best first, and their
      scores (n,).
    - ``words``: the characters of each of W words that were read; ``word_activation`` (W, H', W'): their maps.
    - ``present`` (N,): the probability that each phrase's thing is there; None where the model does not tell.
    - ``unread``: what of the phrases was not read, and why.
    """

    sample_id: str
    name: str
    image: np.ndarray
    shape: tuple[float, float]
    text: str
    spans: list[Sequence[Sequence[int]]]
    gold: list[np.ndarray]
    boxes: np.ndarray
    scores: np.ndarray
    regions: list[np.ndarray]
    proposals: np.ndarray
    saliency: np.ndarray
    kept: np.ndarray
    activation: np.ndarray
    ranked: list[list[tuple[np.ndarray, np.ndarray]]] = field(default_factory=list)
    words: list[tuple[int, int]] = field(default_factory=list)
    word_activation: np.ndarray = field(default_factory=lambda: np.zeros((0, 1, 1), np.float32))
    present: np.ndarray | None = None
    unread: list[str] = field(default_factory=list)

    def overlap(self, phrase: int, box: Sequence[float]) -> float | None:
        """IoU of ``box`` with the best gold box of ``phrase``; None where it has none."""
        gold = self.gold[phrase]
        return best_iou(box, gold) if len(gold) else None

    @property
    def mean_overlap(self) -> float | None:
        """Mean IoU of the answers of all phrases that have gold boxes; None where none has."""
        found = [self.overlap(phrase, levels[-1]) for phrase, levels in enumerate(self.boxes)]
        known = [overlap for overlap in found if overlap is not None]
        return float(np.mean(known)) if known else None


@torch.no_grad()
def trace_items(model: Any, items: Sequence[dict]) -> list[LocatorTrace]:
    """Looks at items of a grounding data set (``inputs``, ``data_samples`` with ``phrases``), each with its own text.

    ``model`` is a SLAN or a task's model that grounds phrases; it is left in the mode it was in. Phrases that it does
    not read, see :func:`unread_part`, are left out.

    Raises:
        ValueError: A text has no phrase that is read.
    """
    with evaluating(model):
        data = model.data_preprocessor(pseudo_collate(list(items)), False)
        samples = model(**data, mode='predict')
        tokens = model.tokenize([sample.text for sample in samples])
        image, text = model.encode_image(data['inputs']), model.encode_text(tokens)
        located = model.locate(image, text)
    activation = model.locator.activation(image, text, PairIndex.rows(text.words)).float()
    words = phrase_tokens(tokens, samples)
    traces = []
    for row, (item, sample) in enumerate(zip(items, samples, strict=True)):
        height, width = sample.ori_shape
        scale = torch.tensor([width, height, width, height])

        def pixels(boxes: Tensor, scale: Tensor = scale) -> np.ndarray:
            return (bbox_cxcywh_to_xyxy(boxes.float().cpu()) * scale).numpy()

        mask = located.region_mask[row]
        kept = torch.zeros(image.boxes.shape[1], dtype=torch.bool, device=mask.device)
        kept[located.index[row, mask]] = True
        saliency = located.saliency[row].float().sigmoid()
        unread = [reason for reason in sample.unread if reason]
        read = [number for number, named in enumerate(words[row]) if named.any()]
        if not read:
            raise ValueError(f'no phrase of {sample.text!r} can be traced: {"; ".join(unread) or "it has none"}')
        phrases = [sample.phrases[number] for number in read]
        answers = [sample.pred_phrases[number] for number in read]
        spoken, maps = _word_maps(sample.text, tokens.offsets[row], tokens.word_mask[row], activation[row])
        traces.append(
            LocatorTrace(
                sample_id=str(sample.sample_id),
                name=picture_name(sample),
                image=visible_picture(sample, item['inputs']),
                shape=(height, width),
                text=sample.text,
                spans=[phrase['spans'] for phrase in phrases],
                gold=[np.asarray(phrase['boxes'], dtype=float).reshape(-1, 4) for phrase in phrases],
                boxes=np.stack([[_first(level['boxes']) for level in levels] for levels in answers]),
                scores=np.array([[float(level['scores'][0]) for level in levels] for levels in answers]),
                regions=[pixels(boxes[row, mask]) for boxes in located.boxes],
                proposals=pixels(image.boxes[row]),
                saliency=(saliency / saliency.max()).cpu().numpy(),
                kept=kept.cpu().numpy(),
                activation=torch.stack([activation[row, words[row][number]].mean(0) for number in read]).cpu().numpy(),
                ranked=[[_ranked(level) for level in levels] for levels in answers],
                words=spoken,
                word_activation=maps,
                present=_present(sample, read),
                unread=unread,
            )
        )
    return traces


def _first(boxes: Tensor) -> np.ndarray:
    return boxes[0].float().cpu().numpy()


def _present(sample: Any, read: list[int]) -> np.ndarray | None:
    presence = sample.get('pred_presence')
    return None if presence is None else presence[read].float().cpu().numpy()


def _ranked(level: dict[str, Tensor]) -> tuple[np.ndarray, np.ndarray]:
    boxes, scores = best_boxes(level, len(level['boxes']), None)
    return boxes.numpy(), scores.numpy()


def _word_maps(
    text: str, offsets: Tensor, word_mask: Tensor, activation: Tensor
) -> tuple[list[tuple[int, int]], np.ndarray]:
    """The words of ``text`` that were read, as a reader counts them, and of each the mean map of its tokens."""
    spans, maps = [], []
    for match in re.finditer(r'\w+', text):
        tokens = span_tokens(offsets, word_mask, [match.span()])
        if tokens.any():
            spans.append(match.span())
            maps.append(activation[tokens].mean(0))
    return spans, torch.stack(maps).cpu().numpy()
