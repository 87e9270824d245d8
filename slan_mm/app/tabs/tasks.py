"""The tab Tasks: a part for each head that the model has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from slan_mm.app import tasks
from slan_mm.app.models import AppModel
from slan_mm.app.tabs.parts import ONE_AT_A_TIME, examples, lacking, picture_input, shown


def tasks_tab(model: AppModel, samples: Sequence[tuple[Path, str]]) -> None:
    """Caption, answer, judge, detect."""
    import gradio as gr

    found = tasks.tasks_of(model)
    if not found:
        lacking('write captions, answer questions, judge sentences or detect classes')
    parts = {'captioning': _caption, 'vqa': _answer, 'nlvr2': _judge, 'detection': _detect}
    for task in found:
        gr.Markdown(f'### {tasks.TASKS[task]}')
        parts[task](model, samples)


def _caption(model: AppModel, samples: Sequence[tuple[Path, str]]) -> None:
    _one_picture(partial(tasks.caption, model), None, samples, 'captioning')


def _answer(model: AppModel, samples: Sequence[tuple[Path, str]]) -> None:
    _one_picture(partial(tasks.answer, model), ('Question', 'what colour is the circle?'), samples, 'vqa')


def _detect(model: AppModel, samples: Sequence[tuple[Path, str]]) -> None:
    _one_picture(partial(tasks.detect, model), ('Classes', 'red circle, blue square'), samples, 'detection', html=True)


def _one_picture(
    ask: Callable[..., str],
    asked: tuple[str, str] | None,
    samples: Sequence[tuple[Path, str]],
    name: str,
    html: bool = False,
) -> None:
    """A picture, and where ``asked`` is given (label, placeholder) a text, and what ``ask`` says of them."""
    import gradio as gr

    with gr.Row():
        with gr.Column(min_width=300):
            inputs = [picture_input(elem_id=f'{name}-picture')]
            if asked is not None:
                inputs.append(gr.Textbox(label=asked[0], placeholder=asked[1], elem_id=f'{name}-text'))
            go = gr.Button('Ask', variant='primary', elem_id=f'{name}-go')
            examples([(text, (path,)) for path, text in samples], inputs[:1])
        with gr.Column(min_width=300):
            answer = gr.HTML(elem_id=f'{name}-answer') if html else _written(name)
    gr.on([go.click, *(box.submit for box in inputs[1:])], shown(ask), inputs, answer, **ONE_AT_A_TIME)


def _judge(model: AppModel, samples: Sequence[tuple[Path, str]]) -> None:
    import gradio as gr

    with gr.Row():
        left = picture_input('Left picture', elem_id='nlvr2-left')
        right = picture_input('Right picture', elem_id='nlvr2-right')
    sentence = gr.Textbox(label='Sentence', placeholder='both pictures show a circle', elem_id='nlvr2-text')
    go = gr.Button('Ask', variant='primary', elem_id='nlvr2-go')
    pairs = zip(samples[::2], samples[1::2], strict=False)
    examples([(f'{one[1]} | {other[1]}', (one[0], other[0])) for one, other in pairs], [left, right])
    inputs = [left, right, sentence]
    answer = _written('nlvr2')
    gr.on([go.click, sentence.submit], shown(partial(tasks.judge, model)), inputs, answer, **ONE_AT_A_TIME)


def _written(name: str) -> Any:
    import gradio as gr

    return gr.Textbox(label='Answer', lines=2, interactive=False, elem_id=f'{name}-answer')
