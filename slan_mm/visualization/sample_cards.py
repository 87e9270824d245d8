"""What a page shows of a single sample of a test: its answer, its score, and where its picture is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from slan_mm.evaluation.functional.captions import score_each_caption
from slan_mm.evaluation.sample_scores import answer_accuracy, gold_probability, image_ap, phrase_ious
from slan_mm.visualization.html import Box
from slan_mm.visualization.jpeg import shrink, to_jpeg

#: The longer side of a picture on the page, in pixels.
LONGEST = 360
#: Boxes of a detector that are shown, and the least score of one.
MOST_BOXES, LEAST_SCORE = 10, 0.3


@dataclass
class SampleCard:
    """A sample with its score. It holds no picture that has a file, so that those of a whole test can be kept.

    - ``metric``: what ``score`` is, higher is better; ``told``: the score in words.
    - ``pictures``: of each its file (or an address that MMEngine reads), or else its JPEG; ``shape``: (height, width)
      that ``boxes`` refer to.
    - ``text`` with the ``spans`` of its phrases; ``lines``: what else is to be said, e.g. the answer.
    - ``references``: of a caption that has no score yet, see :func:`score_captions`.
    """

    metric: str
    name: str
    told: str
    score: float
    pictures: list[str | bytes]
    shape: tuple[int, int]
    text: str = ''
    spans: Sequence[Sequence[Sequence[int]]] = ()
    boxes: list[Box] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)


def sample_card(sample: Any, inputs: Any = None) -> SampleCard | None:
    """The card of an answered data sample; None where it is of no task that scores samples, or has no gold.

    Args:
        sample: Of grounding, VQA, captioning, NLVR2 or detection.
        inputs: What the model saw, see ``PackPairs``.
    """
    if 'pred_phrases' in sample:
        return _grounding(sample, inputs)
    if 'pred_answer' in sample:
        return _answer(sample, inputs)
    if 'pred_caption' in sample:
        return _caption(sample, inputs)
    if 'pred_label' in sample and 'gt_label' in sample:
        return _judgement(sample, inputs)
    if 'pred_instances' in sample and 'gt_instances' in sample:
        return _detection(sample)
    return None


def score_captions(cards: Sequence[SampleCard]) -> None:
    """Scores the captions among ``cards``: how much a word counts, all their references tell."""
    own = [card for card in cards if card.references]
    if not own:
        return
    metric, scores = score_each_caption([card.text for card in own], [card.references for card in own])
    for card, score in zip(own, scores, strict=True):
        card.metric, card.score, card.told = metric, score, f'{metric} {score:.1f}'


def _about(sample: Any, inputs: Any) -> dict[str, Any]:
    paths = sample.get('img_path')
    paths = [paths] if isinstance(paths, str) else list(paths or [])
    pictures: list[str | bytes] = [path for path in paths if Path(path).is_file()]
    if len(pictures) != len(paths) or not paths:
        stack = inputs[None] if isinstance(inputs, Tensor) and inputs.dim() == 3 else inputs
        pictures = [_small(one) for one in stack] if isinstance(stack, Tensor) else []
    shape = sample.get('ori_shape') or (1, 1)
    if not isinstance(shape[0], int):  # of each picture its own
        shape = shape[0]
    return dict(name=str(sample.get('sample_id')), pictures=pictures, shape=tuple(shape[:2]))


def _small(image: Tensor) -> bytes:
    return to_jpeg(shrink(np.ascontiguousarray(image.cpu().numpy().transpose(1, 2, 0)), LONGEST))


def _grounding(sample: Any, inputs: Any) -> SampleCard | None:
    ious = phrase_ious(sample)
    known = [iou for iou in ious if iou is not None]
    if not known:
        return None
    boxes, lines, spans = [], [], [phrase['spans'] for phrase in sample.phrases]
    for number, (phrase, levels, iou) in enumerate(zip(sample.phrases, sample.pred_phrases, ious, strict=True)):
        name = ' '.join(sample.text[start:end] for start, end in phrase['spans'])
        told = f'{name}: {"no gold box" if iou is None else f"IoU {iou:.2f}"}'
        lines.append(told)
        boxes += [Box(box, number, told) for box in levels[-1]['boxes'][:1].tolist()]
        boxes += [Box(box, number, f'gold of {name}', best=False) for box in np.asarray(phrase['boxes']).tolist()]
    score = float(np.mean(known))
    return SampleCard(
        'IoU', told=f'IoU {score:.2f}', score=score, text=sample.text, spans=spans, boxes=boxes,
        lines=lines if len(lines) > 1 else [], **_about(sample, inputs),
    )  # fmt: skip


def _answer(sample: Any, inputs: Any) -> SampleCard | None:
    score = answer_accuracy(sample)
    if score is None:
        return None
    gold = sample.get('answers')
    annotated = ', '.join(f'{name} ({gold.count(name)})' for name in dict.fromkeys(gold))
    lines = [f'answer: {sample.pred_answer or "(no word)"}', f'annotators: {annotated}']
    return SampleCard(
        'accuracy', told=f'accuracy {score:.2f}', score=score, text=sample.text, lines=lines, **_about(sample, inputs)
    )


def _caption(sample: Any, inputs: Any) -> SampleCard | None:
    references = sample.get('text') or []
    references = [references] if isinstance(references, str) else list(references)
    if not references:
        return None
    return SampleCard(
        '', told='', score=0.0, text=sample.pred_caption, lines=[f'reference: {text}' for text in references],
        references=references, **_about(sample, inputs),
    )  # fmt: skip


def _judgement(sample: Any, inputs: Any) -> SampleCard:
    score = gold_probability(sample)
    said, gold = bool(int(sample.pred_label)), bool(int(sample.gt_label))
    return SampleCard(
        'probability of the right answer', told=f'{"right" if said == gold else "wrong"}, probability {score:.2f}',
        score=score, text=str(sample.text), lines=[f'answer: {str(said).lower()}', f'gold: {str(gold).lower()}'],
        **_about(sample, inputs),
    )  # fmt: skip


def _detection(sample: Any) -> SampleCard | None:
    score = image_ap(sample)
    if score is None:
        return None
    found, gold = sample.pred_instances, sample.gt_instances
    sure = found[found.scores >= LEAST_SCORE]
    sure = sure[sure.scores.argsort(descending=True)][:MOST_BOXES]
    classes = sorted({*gold.labels.tolist(), *sure.labels.tolist()})
    names = _class_names(sample, classes)
    text, spans = '', []
    for name in names:
        spans.append([[len(text), len(text) + len(name)]])
        text += f'{name} '
    boxes = [
        Box(box, classes.index(label), names[classes.index(label)], score)
        for box, label, score in zip(sure.bboxes.tolist(), sure.labels.tolist(), sure.scores.tolist(), strict=True)
    ]
    golden = getattr(gold.bboxes, 'tensor', gold.bboxes).tolist()
    boxes += [
        Box(box, classes.index(label), f'gold of {names[classes.index(label)]}', best=False)
        for box, label in zip(golden, gold.labels.tolist(), strict=True)
    ]
    return SampleCard(
        'AP50', name=str(sample.get('img_id')), told=f'AP50 {score:.2f}', score=score, pictures=[sample.img_path],
        shape=tuple(sample.ori_shape[:2]), text=text, spans=spans, boxes=boxes,
        lines=[f'gold: {len(golden)} boxes; shown: the best {len(sure)} with a score of at least {LEAST_SCORE:g}'],
    )  # fmt: skip


def _class_names(sample: Any, labels: Sequence[int]) -> list[str]:
    """The names that the sample's prompt has, or the answers; a label that neither names is a number."""
    prompt, found = sample.get('text'), sample.pred_instances
    named = dict(enumerate(prompt)) if isinstance(prompt, list | tuple) else {}
    named |= dict(zip(found.labels.tolist(), found.get('label_names', []), strict=False))
    return [str(named.get(label, f'class {label}')) for label in labels]
