"""The tab Compare."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from slan_mm.app.compare import compare
from slan_mm.app.models import AppModel
from slan_mm.app.tabs.parts import ONE_AT_A_TIME, examples, picture_input, shown


def compare_tab(models: Sequence[AppModel], samples: Sequence[tuple[Path, str]]) -> None:
    """The same picture and text, and what each of two models finds."""
    import gradio as gr

    if len(models) < 2:
        gr.Markdown(
            'Nothing to compare with. Start the app with a second model: `slan app --compare CONFIG CHECKPOINT`.'
        )
        return
    if any('grounding' not in model.tasks for model in models):
        gr.Markdown('One of the two models cannot ground phrases.')
        return
    with gr.Row():
        picture = picture_input(elem_id='compare-picture')
        with gr.Column(min_width=300):
            text_box = gr.Textbox(label='Text', placeholder='a [red circle]', elem_id='compare-text')
            go = gr.Button('Compare', variant='primary', elem_id='compare-go')
            examples([(text, (path, text)) for path, text in samples], [picture, text_box])
    with gr.Row():
        pages = [gr.HTML(elem_id=f'compare-answer-{number}', min_width=300) for number, _ in enumerate(models, 1)]
    gr.on([go.click, text_box.submit], shown(partial(compare, models)), [picture, text_box], pages, **ONE_AT_A_TIME)
