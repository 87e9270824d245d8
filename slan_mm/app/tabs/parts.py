"""What the tabs share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

from slan_mm.app.messages import AppError

#: What asks the model waits in one queue: options of gradio's events. Without ``preprocess`` gradio does not open the
#: pictures: it would decode them, whatever their size, and its errors are no messages.
ONE_AT_A_TIME: dict[str, Any] = dict(
    concurrency_limit=1, concurrency_id='model', show_progress='minimal', preprocess=False
)
#: What only draws again does not wait.
AT_ONCE: dict[str, Any] = dict(concurrency_limit=8, concurrency_id='drawing', show_progress='hidden')


def shown(function: Callable) -> Callable:
    """Decorates a tab's function: it gets the paths of uploads, and its :class:`AppError` becomes gradio's message.

    Raises:
        gradio.Error: With the message.
    """
    import gradio as gr

    @wraps(function)
    def run(*arguments: Any) -> Any:
        try:
            return function(*map(_given, arguments))
        except AppError as error:
            raise gr.Error(str(error), title='No answer', print_exception=False) from None

    return run


def _given(argument: Any) -> Any:
    """Of an upload the path of its file, whatever else an argument is."""
    return argument.get('path') if isinstance(argument, dict) else argument


def picture_input(label: str = 'Picture', **options: Any) -> Any:
    """Where a user gives a picture."""
    import gradio as gr

    return gr.Image(
        label=label,
        sources=['upload', 'clipboard'],
        type='filepath',
        image_mode=None,
        height=280,
        buttons=[],
        **options,
    )


def examples(rows: Sequence[tuple[str, Sequence[Any]]], inputs: Sequence[Any]) -> None:
    """Buttons that fill ``inputs``: of each what is written on it, and the values; the first is a picture."""
    import gradio as gr

    gr.Markdown('Or one of these:')
    with gr.Row(elem_classes='slan-examples'):
        for label, values in rows:
            button = gr.Button(label, icon=str(values[0]), size='sm', min_width=140)
            button.click(partial(_fill, [str(value) for value in values]), None, list(inputs), **AT_ONCE)


def _fill(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


def lacking(what: str) -> None:
    """A tab of what the model cannot do."""
    import gradio as gr

    gr.Markdown(
        f'This model cannot {what}. Start the app with a model that was made for it: `slan app CONFIG CHECKPOINT`.'
    )
