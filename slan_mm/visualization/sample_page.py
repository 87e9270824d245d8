"""The samples that a model answers best, at the median and worst, as one html page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from statistics import mean, median

import numpy as np
from mmengine.fileio import get
from PIL import Image

from slan_mm.datasets.pictures import read_picture
from slan_mm.datasets.transforms.load_image import to_rgb
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.visualization.html import note_html, picture_html, text_html
from slan_mm.visualization.html_page import write_page
from slan_mm.visualization.jpeg import data_uri, shrink, to_jpeg
from slan_mm.visualization.records import ImageQuery, TextQuery, Thumbnail
from slan_mm.visualization.sample_cards import LONGEST, SampleCard


@dataclass
class Section:
    """Samples of one score, and what shows those that were chosen.

    - ``title``: the task and what the score is; ``scores``: of all samples, higher is better; ``unit``: a score as it
      is told.
    - ``show``: the html of the samples at these places of ``scores``, a list item each.
    """

    title: str
    scores: Sequence[float]
    show: Callable[[Sequence[int]], list[str]]
    unit: Callable[[float], str] = '{:.2f}'.format
    note: str = ''


def best_median_worst(scores: Sequence[float], count: int) -> dict[str, list[int]]:
    """Places of ``count`` scores each: the highest, those around the median, and the lowest, worst first.

    No place comes twice, so that fewer than three times ``count`` scores give fewer. Equal ones keep their order.
    """
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    part = min(count, len(order) // 3)
    if not part:
        return {'best': order}
    middle = (len(order) - part) // 2
    return {'best': order[:part], 'median': order[middle : middle + part], 'worst': order[::-1][:part]}


def write_sample_page(path: Path, title: str, sections: Iterable[Section], count: int) -> Path:
    """Writes the page of ``sections`` that have samples, ``count`` samples for each of best, median and worst."""
    parts, links = [], []
    for number, section in enumerate(part for part in sections if len(part.scores)):
        scores = [float(score) for score in section.scores]
        links.append(f'<a href="#part{number}">{escape(section.title)}</a>')
        parts.append(f'<h2 id="part{number}">{escape(section.title)}</h2>')
        told = {'mean': mean(scores), 'median': median(scores), 'best': max(scores), 'worst': min(scores)}
        numbers = ', '.join(f'{name} {section.unit(value)}' for name, value in told.items())
        parts.append(note_html(f'{len(scores)} samples: {numbers}. {section.note}'))
        for name, places in best_median_worst(scores, count).items():
            parts.append(f'<h3>{name.capitalize()}</h3><ul class="slan-found">{"".join(section.show(places))}</ul>')
    return write_page(path, title, [f'<p>{" · ".join(links)}</p>', *parts])


def card_section(task: str, cards: Sequence[SampleCard]) -> Section:
    """Of cards with one kind of score."""
    title = ': '.join(filter(None, [task, cards[0].metric]))
    note = 'Boxes: the answer solid, gold dashed.' if any(card.boxes for card in cards) else ''
    scores = [card.score for card in cards]
    return Section(title, scores, lambda places: [_card(cards[place]) for place in places], note=note)


def _card(card: SampleCard) -> str:
    said = '<br>'.join([f'<b>{escape(card.told)}</b>', *map(escape, card.lines), f'<i>{escape(card.name)}</i>'])
    shown = [_picture(one, card) for one in card.pictures] or [note_html('No picture: the model read stored features.')]
    return f'<li>{"".join(shown)}{text_html(card.text, card.spans)}<div>{said}</div></li>'


def _picture(source: str | bytes, card: SampleCard) -> str:
    try:
        jpeg = source if isinstance(source, bytes) else to_jpeg(shrink(_read(source), LONGEST))
    except (UnreadableImageError, OSError, ValueError):
        return note_html('No picture: its file has gone, or is damaged.')
    shape = card.shape if card.boxes else _size(jpeg)
    return picture_html(jpeg, shape, card.boxes, f'Sample {card.name}')


def _read(source: str) -> np.ndarray:
    if Path(source).is_file():
        return read_picture(source)
    return np.asarray(to_rgb(Image.open(BytesIO(get(source)))))


def _size(jpeg: bytes) -> tuple[int, int]:
    width, height = Image.open(BytesIO(jpeg)).size
    return height, width


def ranks_section(task: str, what: str, ranks: np.ndarray, show: Callable[[Sequence[int]], list[str]]) -> Section:
    """Of retrieval queries, by the rank of what is right; ``what``: who asks for what."""
    note = 'Rank of the right answer. Green: right.'
    return Section(f'{task}: rank, {what}', [-int(rank) for rank in ranks], show, lambda score: f'{-score:g}', note)


def text_query_html(query: TextQuery, name: str) -> str:
    """A text, the picture that it belongs to, and those that it found."""
    right = (
        '' if query.right is None else f'<div class="slan-strip">{_image(query.right, "belongs to it", "gold")}</div>'
    )
    found = ''.join(
        _image(one, f'found at rank {place}', 'gold' if gold else '')
        for place, (one, gold) in enumerate(zip(query.found, query.gold, strict=True), 1)
    )
    return (
        f'<li><p class="slan-text">{escape(query.text)}</p>{right}{note_html("found:")}'
        f'<div class="slan-strip">{found}</div><div><b>rank {query.rank}</b><br><i>{escape(name)}</i></div></li>'
    )


def image_query_html(query: ImageQuery, name: str) -> str:
    """A picture, a text that belongs to it, and those that it found."""
    found = ''.join(
        f'<li>{"✓ <b>" + escape(text) + "</b>" if gold else escape(text)}</li>'
        for text, gold in zip(query.found, query.gold, strict=True)
    )
    asks = f'<div class="slan-strip">{_image(query.picture, "asks", "")}</div>'
    return (
        f'<li>{asks}<p>belongs to it: {escape(query.right)}</p>'
        f'{note_html("found:")}<ol>{found}</ol><div><b>rank {query.rank}</b><br><i>{escape(name)}</i></div></li>'
    )


def _image(picture: Thumbnail, what: str, css: str) -> str:
    return f'<img class="{css}" src="{data_uri(to_jpeg(shrink(picture.image, LONGEST)))}" alt="{escape(what)}">'
