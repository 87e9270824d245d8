"""From located pairs to a ranking of boxes for each phrase."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor
from torch.nn.functional import normalize
from torchvision.ops import nms

from slan_mm.models.image.branch import ImageBranch
from slan_mm.models.locator.boxes import cell_centres
from slan_mm.models.locator.word_maps import activation_map, level_maps
from slan_mm.models.map_components import MapComponents, add_components
from slan_mm.models.phrase_number import set_counts
from slan_mm.models.phrase_words import phrase_tokens, unread_part, word_shares
from slan_mm.pair_index import PairIndex
from slan_mm.structures import ImageFeatures, Located, MarkedText, TextFeatures, TextTokens

#: Of two boxes of a phrase with a larger IoU the worse one is left out: they show the same place.
SAME_PLACE = 0.5


def region_word_similarity(
    branch: ImageBranch, image: ImageFeatures, text: TextFeatures, boxes: Tensor, pairs: PairIndex | None = None
) -> Tensor:
    """How well ``boxes`` (P, N, 4) and words agree: the sum over region-word terms of their cosine, (P, N, NT).

    Text p is that of pair p; ``pairs`` says of which image it is, None: of image p.
    The lexical one is the word-activation map of the finest F pooled over the box: a lexical "circle" is any circle.
    Others are the mean over F_1..F_L of the cosine with the pooled features: a contextual "circle" is the red one.
    """
    lexical = {'lexical': image.space_maps['lexical'][-1]}
    pairs = PairIndex.rows(boxes) if pairs is None else pairs
    similarity = branch.pooling(activation_map(text.word_space, lexical, pairs), boxes).float()
    for term, space in branch.spaces.items():
        if term != 'lexical':
            regions = [normalize(space(branch.pooling(level, boxes, pairs)), dim=-1) for level in image.pyramid]
            words = text.word_space[term].transpose(1, 2)
            similarity = similarity + (torch.stack(regions).mean(0) @ words).float()
    return similarity


def set_regions(boxes: Tensor, region_mask: Tensor, data_samples: Sequence) -> None:
    """Adds ``pred_regions`` to every sample: dict(boxes (N, 4) normalised xyxy), of ``boxes`` (P, NG, 4) those kept."""
    for row, sample in enumerate(data_samples):
        sample.set_field(dict(boxes=bbox_cxcywh_to_xyxy(boxes[row, region_mask[row]])), 'pred_regions')


def rank_regions(
    boxes: Sequence[Tensor],
    scores: Sequence[Tensor],
    region_mask: Tensor,
    tokens: TextTokens,
    word_mask: Tensor,
    data_samples: list,
    word_weight: Tensor | None = None,
) -> list:
    """Ranks regions for each phrase of ``data_samples``, on every level.

    A region's score for a phrase is the mean, weighted by ``word_weight``, of its scores for the phrase's words. Adds
    to every sample ``pred_phrases``: for each of its ``phrases`` a list over levels of dict(boxes (N, 4) absolute xyxy
    in original pixels, scores (N,), falling); ``unread``: for each None, or what of it was not read and why, see
    :func:`unread_part`; and the last level's ``pred_regions``, see :func:`set_regions`. A phrase none of whose words
    was read has no box on any level.

    Args:
        boxes: (P, NG, 4) of each level, normalised cxcywh.
        scores: (P, NG, NT) of each level.
        region_mask: (P, NG), True at kept regions.
        tokens: Of the samples' texts.
        word_mask: (P, NT), True at words.
        data_samples: P samples.
        word_weight: (P, NT), the weight of a word in its phrase; None: equal weights.
    """
    chosen = phrase_tokens(tokens, data_samples)
    set_regions(boxes[-1], region_mask, data_samples)
    for row, sample in enumerate(data_samples):
        kept = region_mask[row]
        height, width = sample.ori_shape
        scale = boxes[0].new_tensor([width, height, width, height])
        predictions = []
        for words in chosen[row]:
            share = word_shares(words, None if word_weight is None else word_weight[row])
            levels = []
            for level_boxes, level_scores in zip(boxes, scores, strict=True):
                score, order = (level_scores[row, kept] @ share).sort(descending=True, stable=True)
                corners = bbox_cxcywh_to_xyxy(level_boxes[row, kept][order]) * scale
                found = len(corners) if words.any() else 0
                levels.append(dict(boxes=corners[:found], scores=score[:found]))
            predictions.append(levels)
        sample.set_field(predictions, 'pred_phrases')
        spans = [phrase['spans'] for phrase in sample.get('phrases') or []]
        unread = [
            unread_part(sample.text, runs, words, tokens.offsets[row])
            for runs, words in zip(spans, chosen[row], strict=True)
        ]
        sample.set_field(unread, 'unread')
    return data_samples


def grounding_scores(
    branch: ImageBranch, image: ImageFeatures, text: TextFeatures, located: Located, pairs: PairIndex | None = None
) -> tuple[Tensor, ...]:
    """Scores of regions by words at each level, (P, M, N) each; ``pairs`` as in :func:`region_word_similarity`.

    A level's score of a region is the mean of :func:`region_word_similarity` over this level and those before it.
    Earlier levels distinguish regions that have moved to the same place.
    """
    similarity = torch.stack([region_word_similarity(branch, image, text, boxes, pairs) for boxes in located.boxes])
    levels = torch.arange(1, len(similarity) + 1, device=similarity.device)
    return (similarity.cumsum(0) / levels.view(-1, 1, 1, 1)).unbind()


def phrase_maps(
    image: ImageFeatures,
    text: TextFeatures,
    tokens: TextTokens,
    data_samples: Sequence,
    word_weight: Tensor | None = None,
    pairs: PairIndex | None = None,
) -> list[list[Tensor | None]]:
    """Of each sample the map (H, W) of each phrase; None of a phrase none of whose words was read.

    It is the mean of the word-activation maps of its words on the finest level, weighted as in :func:`rank_regions`.
    """
    pairs = PairIndex.rows(text.words) if pairs is None else pairs
    maps = activation_map(text.word_space, level_maps(image.space_maps, -1), pairs).float()
    found: list[list[Tensor | None]] = []
    for row, phrases in enumerate(phrase_tokens(tokens, data_samples)):
        weight = None if word_weight is None else word_weight[row]
        found.append(
            [
                (word_shares(words, weight) @ maps[row].flatten(1)).view(maps.shape[-2:]) if words.any() else None
                for words in phrases
            ]
        )
    return found


def set_peaks(maps: Sequence[Sequence[Tensor | None]], data_samples: Sequence) -> None:
    """Adds ``pred_peaks`` to every sample: for each phrase the point (1, 2), x and y in original pixels, of its peak.

    The peak is the centre of a cell of the phrase's map, see :func:`phrase_maps`; without a map there is none, (0, 2).
    """
    for sample, of_phrases in zip(data_samples, maps, strict=True):
        sample.set_field([_peak(response, sample.ori_shape) for response in of_phrases], 'pred_peaks')


def _peak(response: Tensor | None, shape: Sequence[int]) -> Tensor:
    if response is None:
        return torch.zeros(0, 2)
    centres = cell_centres(response.shape[0], response.shape[1], response.device, response.dtype)
    return centres[response.argmax()[None]] * centres.new_tensor([shape[1], shape[0]])


def ground_phrases(
    image: ImageFeatures,
    text: TextFeatures,
    tokens: TextTokens,
    located: Located,
    data_samples: list,
    branch: ImageBranch,
    word_weight: Tensor | None = None,
    pairs: PairIndex | None = None,
    several: int | None = None,
    components: MapComponents | None = None,
) -> list:
    """:func:`rank_regions` by :func:`grounding_scores`, before any adaptor and after each level; :func:`set_peaks`.

    With ``several`` also :func:`set_counts`, and with ``components`` :func:`add_components`.
    """
    scores = grounding_scores(branch, image, text, located, pairs)
    rank_regions(located.boxes, scores, located.region_mask, tokens, text.word_mask, data_samples, word_weight)
    maps = phrase_maps(image, text, tokens, data_samples, word_weight, pairs)
    set_peaks(maps, data_samples)
    if several is not None:
        set_counts(data_samples, several)
    if components is not None:
        add_components(components, maps, data_samples)
    return data_samples


def best_boxes(level: dict[str, Tensor], top: int, score_thr: float | None = None) -> tuple[Tensor, Tensor]:
    """The best ``top`` of a phrase's ranked ``boxes`` and ``scores`` that hardly overlap and score enough.

    Raises:
        ValueError: ``top`` is less than 1.
    """
    if top < 1:
        raise ValueError(f'top must be at least 1, got {top}')
    boxes, scores = level['boxes'].float().cpu(), level['scores'].float().cpu()
    # By rank: the answer stays the first of equal ones.
    kept = nms(boxes, -torch.arange(len(boxes), dtype=torch.float), SAME_PLACE)[:top]
    if score_thr is not None:
        kept = kept[scores[kept] >= score_thr]
    return boxes[kept], scores[kept]


def shown_boxes(sample: Any, top: int | None = None, score_thr: float | None = None) -> list[tuple[Tensor, Tensor]]:
    """Of each phrase of a predicted ``sample`` the :func:`best_boxes` of the last level.

    ``top``: None: as many as the phrase names, where the model counts them (``pred_counts``), else 1. ``score_thr`` is
    the least score of a box; of a model that tells how probable it is that the thing is there (``pred_presence``), the
    least such probability: a phrase below has no box.
    """
    phrases = sample.pred_phrases
    tops = (sample.get('pred_counts') or [1] * len(phrases)) if top is None else [top] * len(phrases)
    presence = sample.get('pred_presence')
    if presence is None or score_thr is None:
        return [best_boxes(levels[-1], most, score_thr) for levels, most in zip(phrases, tops, strict=True)]
    found = [best_boxes(levels[-1], most) for levels, most in zip(phrases, tops, strict=True)]
    there = (presence >= score_thr).tolist()
    return [
        (boxes[: len(boxes) * kept], scores[: len(scores) * kept])
        for (boxes, scores), kept in zip(found, there, strict=True)
    ]


def marked_text(sample: Any) -> MarkedText:
    """The text of a data ``sample`` with its phrases."""
    return MarkedText(sample.text, [phrase['spans'] for phrase in sample.get('phrases') or []])


def phrase_answers(sample: Any, top: int | None = None, score_thr: float | None = None) -> list[dict]:
    """The predictions for a ``sample``'s phrases, in types that json can write.

    Of each ``phrase``, ``spans`` in the text, the :func:`shown_boxes` and their ``scores``; ``present``, the
    probability that the thing is there, where the model tells it of this phrase; and, where the phrase was not read or
    only in part, ``unread``, the reason.
    """
    marked = marked_text(sample)
    presence = sample.get('pred_presence')
    probabilities = [math.nan] * len(marked.spans) if presence is None else presence.tolist()
    told = [{} if math.isnan(value) else dict(present=value) for value in probabilities]
    return [
        dict(phrase=phrase, spans=spans, boxes=boxes.tolist(), scores=scores.tolist(), **present, **reason_of(unread))
        for phrase, spans, (boxes, scores), present, unread in zip(
            marked.phrases, marked.spans, shown_boxes(sample, top, score_thr), told, sample.unread, strict=True
        )
    ]


def reason_of(unread: str | None) -> dict[str, str]:
    """What an answer says of a phrase beside its boxes: ``unread``, where there is something to say."""
    return {} if unread is None else dict(unread=unread)
