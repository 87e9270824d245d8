"""The rows of the paper's figures, from what a model finds (:class:`LocatorTrace`)."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from PIL import Image

from slan_mm.evaluation.functional.boxes import center_box
from slan_mm.visualization.caption import PHRASE_COLORS
from slan_mm.visualization.comparison_figure import MAP
from slan_mm.visualization.drawing import GREY
from slan_mm.visualization.locator_trace import LocatorTrace
from slan_mm.visualization.page_layout import DASHES, DOTS, KeyEntry, two_digits
from slan_mm.visualization.records import DrawnBox, Numbers, Panel, PanelRow

ANSWER = KeyEntry("a phrase's best region, in the colour of its words", linewidth=2.3)
GOLD = KeyEntry('gold box, never seen in training', DASHES, 1.3)
KEPT = KeyEntry('other kept regions', DOTS, 1.0, GREY)
MAP_GOLD = KeyEntry(GOLD.label, DASHES, 1.3, GREY)
BASELINE = KeyEntry('baseline', linewidth=2.3, color=GREY)


def color_of(phrase: int) -> str:
    """The colour of a text's phrase, of its words and of its boxes."""
    return PHRASE_COLORS[phrase % len(PHRASE_COLORS)]


def key_of(entries: Sequence[KeyEntry], traces: Sequence[LocatorTrace]) -> list[KeyEntry]:
    """Of a figure's key what is seen in it: gold boxes, and what is compared by them, only where a picture has any."""
    gold = any(len(boxes) for look in traces for boxes in look.gold)
    return [entry for entry in entries if gold or entry.label not in (GOLD.label, BASELINE.label)]


def names_of(traces: Sequence[LocatorTrace]) -> str:
    """The names of the pictures looked at."""
    return ', '.join(dict.fromkeys(look.name for look in traces))


def text_specific_row(traces: Sequence[LocatorTrace]) -> PanelRow:
    """Figure 4: one picture and several texts about it; regions follow the text.

    A phrase of several texts has one colour in all of them. Every picture shows all regions that its text kept.
    """
    names: list[str] = []
    panels = []
    for look in traces:
        own = [' '.join(look.text[start:end] for start, end in spans) for spans in look.spans]
        names += [name for name in own if name not in names]
        numbers = [names.index(name) for name in own]
        spans: list[Sequence[Sequence[int]]] = [[] for _ in names]
        for number, phrase in zip(numbers, look.spans, strict=True):
            spans[number] = [*spans[number], *phrase]
        boxes = [DrawnBox(box, GREY, DOTS, 1.0) for box in look.regions[-1]]
        boxes += [
            DrawnBox(levels[-1], color_of(number), nested=True)
            for number, levels in zip(numbers, look.boxes, strict=True)
        ]
        scores = [
            (two_digits(scores[-1]), color_of(number)) for number, scores in zip(numbers, look.scores, strict=True)
        ]
        panels.append(Panel('', look.image, look.shape, boxes, look.text, spans, [Numbers('score', scores)]))
    return PanelRow('', (), panels)


def training_row(traces: Sequence[LocatorTrace], headings: Sequence[str]) -> PanelRow:
    """Figure 5: the same picture and caption at several times of the training, ``headings`` tell which."""
    panels = [_answers(look, -1, heading) for look, heading in zip(traces, headings, strict=True)]
    return PanelRow(traces[0].text, traces[0].spans, panels)


def level_row(look: LocatorTrace) -> PanelRow:
    """Figure 6: each phrase's best region before any adaptor and after each level, with their scores."""
    panels = []
    for level in range(look.boxes.shape[1]):
        heading = 'before any adaptor' if level == 0 else f'after level {level}'
        panels.append(_answers(look, level, heading))
    return PanelRow(look.text, look.spans, panels)


def filter_row(look: LocatorTrace) -> PanelRow:
    """Figure 7: all proposals before the region filter, and those that it kept, coloured by their saliency."""
    order = np.argsort(look.saliency)
    every = [
        DrawnBox(look.proposals[index], saliency_color(look.saliency[index]), linewidth=1.0, halo=False)
        for index in order
    ]
    some = [
        DrawnBox(look.proposals[index], saliency_color(look.saliency[index]), linewidth=2.3)
        for index in order
        if look.kept[index]
    ]
    scale = ('least salient', 'most salient')
    panels = [
        Panel(f'before the filter: {len(every)} regions', look.image, look.shape, every, scale=scale),
        Panel(f'after the filter: {len(some)} regions', look.image, look.shape, some, scale=scale),
    ]
    return PanelRow(look.text, look.spans, panels)


def activation_row(look: LocatorTrace) -> PanelRow:
    """Figure 1 (a): the picture, and where each phrase's words respond; each map has a scale of its own."""
    panels = [Panel('', look.image, look.shape, text='mean similarity to the words of')]
    for phrase, spans in enumerate(look.spans):
        own: list[Sequence[Sequence[int]]] = [[] for _ in range(phrase)]
        words = ' '.join(look.text[start:end] for start, end in spans)
        gold = [DrawnBox(box, 'white', DASHES, 1.3) for box in look.gold[phrase]]
        low, high = look.activation[phrase].min(), look.activation[phrase].max()
        image = heat(look.image, look.activation[phrase])
        scale = (two_digits(low), two_digits(high))
        panels.append(Panel('', image, look.shape, gold, words, [*own, [[0, len(words)]]], scale=scale))
    return PanelRow(look.text, look.spans, panels)


def baseline_row(look: LocatorTrace) -> PanelRow:
    """Figure 9: the answers beside those of baselines; gold boxes are dashed in all.

    Baselines: the best regions before any adaptor, and a box in the middle of half the picture's sides, which never
    traces.
    """
    centre = center_box(*look.shape).numpy()[0]
    middle = Panel('centre box', look.image, look.shape, [*_gold(look), DrawnBox(centre, GREY)])
    overlaps = [look.overlap(phrase, centre) for phrase in range(len(look.spans))]
    middle.numbers = _overlap_numbers(overlaps)
    panels = [_answers(look, -1, 'answer'), _answers(look, 0, 'before any adaptor')]
    # Without gold a box in the middle tells nothing.
    panels += [middle] if any(len(boxes) for boxes in look.gold) else []
    return PanelRow(look.text, look.spans, panels)


def saliency_color(saliency: float) -> str:
    """The colour of a normalised saliency in [0, 1]."""
    red, green, blue = (round(255 * part) for part in colormaps[MAP](float(saliency))[:3])
    return f'#{red:02x}{green:02x}{blue:02x}'


def heat(image: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """``image`` (H, W, 3) uint8 in grey under the colours of ``activation`` (H', W'), scaled to its own range."""
    low, high = float(activation.min()), float(activation.max())
    scaled = (activation - low) / max(high - low, 1e-9)
    height, width = image.shape[:2]
    resized = Image.fromarray(scaled.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    colors = colormaps[MAP](np.asarray(resized))[..., :3] * 255
    grey = image.mean(-1, keepdims=True)
    return (0.45 * grey + 0.55 * colors).round().astype(np.uint8)


def _gold(look: LocatorTrace) -> list[DrawnBox]:
    return [DrawnBox(box, color_of(phrase), DASHES, 1.3) for phrase, boxes in enumerate(look.gold) for box in boxes]


def _answers(look: LocatorTrace, level: int, heading: str) -> Panel:
    """Every phrase's best region of a level and its score, over the gold boxes, with the IoU of both."""
    boxes = [DrawnBox(levels[level], color_of(phrase), nested=True) for phrase, levels in enumerate(look.boxes)]
    overlaps = [look.overlap(phrase, levels[level]) for phrase, levels in enumerate(look.boxes)]
    scores = [(two_digits(scores[level]), color_of(phrase)) for phrase, scores in enumerate(look.scores)]
    numbers = [Numbers('score', scores), *_overlap_numbers(overlaps)]
    return Panel(heading, look.image, look.shape, [*_gold(look), *boxes], numbers=numbers)


def _overlap_numbers(overlaps: Sequence[float | None]) -> list[Numbers]:
    known = [
        (f'{overlap:.2f}'.removeprefix('0'), color_of(phrase))
        for phrase, overlap in enumerate(overlaps)
        if overlap is not None
    ]
    return [Numbers('IoU', known)] if known else []
