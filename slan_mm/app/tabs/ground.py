"""The tab Ground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slan_mm.app.ground import BEST, NO_MAP, Grounded, ground, grounded_html
from slan_mm.app.models import AppModel
from slan_mm.app.tabs.parts import AT_ONCE, ONE_AT_A_TIME, examples, lacking, picture_input, shown

#: Seconds that an answer is kept after its user has gone.
KEPT = 600


def ground_tab(model: AppModel, samples: Sequence[tuple[Path, str]]) -> None:
    """A picture and a text in; boxes, maps and levels out."""
    import gradio as gr

    if 'grounding' not in model.tasks:
        lacking('ground phrases')
        return
    answer = gr.State(None, time_to_live=KEPT)
    with gr.Row():
        with gr.Column(min_width=300):
            picture = picture_input(elem_id='ground-picture')
            text_box = gr.Textbox(
                label='Text',
                info='[Brackets] mark phrases; without any, noun phrases are taken.',
                placeholder='a [red circle] left of a [blue square]',
                elem_id='ground-text',
            )
            find = gr.Button('Find', variant='primary', elem_id='ground-find')
            examples([(text, (path, text)) for path, text in samples], [picture, text_box])
        with gr.Column(min_width=300, scale=2):
            page = gr.HTML(elem_id='ground-answer')
            with gr.Group(visible=False) as controls:
                level = gr.Slider(0, 1, step=1, label='Level', info='0: before any adaptor', elem_id='ground-level')
                boxes = gr.Radio([BEST], value=BEST, label='Boxes', elem_id='ground-boxes')
                word = gr.Radio([NO_MAP], value=NO_MAP, label='Activation map of a word', elem_id='ground-word')
            scores = gr.HTML(elem_id='ground-scores')

    @shown
    def answer_of(picture: str | None, text: str) -> tuple:
        found = ground(model, picture, text)
        names = [f'all of: {name}' for name in found.phrases]
        return (
            found,
            *grounded_html(found),
            gr.update(visible=True),
            gr.update(maximum=found.last_level, value=found.last_level, label=f'Level (0 to {found.last_level})'),
            gr.update(choices=[BEST, *zip(names, found.phrases, strict=True)], value=BEST),
            gr.update(choices=[NO_MAP, *found.word_names], value=NO_MAP),
        )

    def again(found: Grounded | None, *chosen: Any) -> tuple[str, str]:
        return ('', '') if found is None else grounded_html(found, *chosen)

    outputs = [answer, page, scores, controls, level, boxes, word]
    gr.on([find.click, text_box.submit], answer_of, [picture, text_box], outputs, **ONE_AT_A_TIME)
    for control in (level, boxes, word):
        control.input(again, [answer, level, boxes, word], [page, scores], **AT_ONCE)
