"""Caption, answer, judge a sentence about two pictures, detect: what the model has a head for."""

from __future__ import annotations

from slan_mm.app.messages import read_text, told
from slan_mm.app.models import AppModel
from slan_mm.app.pictures import SHOWN, read_upload
from slan_mm.visualization.html import Box, chip, picture_html, table_html
from slan_mm.visualization.jpeg import shrink, to_jpeg

#: The tasks of this tab, and what they are called.
TASKS = {
    'captioning': 'Write a caption',
    'vqa': 'Answer a question',
    'nlvr2': 'Judge a sentence about two pictures',
    'detection': 'Detect by class names',
}


def tasks_of(model: AppModel) -> list[str]:
    """Those of ``TASKS`` that ``model`` has a head for."""
    return [task for task in TASKS if task in model.tasks]


def _predict(model: AppModel, task: str, *asked: object, **options: object) -> dict:
    with model.lock:
        return model.inferencer(task)(*asked, **options)['predictions'][0]


def _log_probability(score: float | None) -> str:
    return 'no score' if score is None else f'log-probability {score:.2f}'


@told
def caption(model: AppModel, picture: str | None) -> str:
    """A caption of the picture, and its score.

    Raises:
        AppError: The picture is missing or unreadable, or the model has no such head.
    """
    found = _predict(model, 'captioning', read_upload(picture))
    return f'{found["caption"] or "(no word)"}\n{_log_probability(found["score"])}'


@told
def answer(model: AppModel, picture: str | None, question: str) -> str:
    """The answer to a question about the picture, and its score.

    Raises:
        AppError: As :func:`caption`, or there is no question.
    """
    found = _predict(model, 'vqa', read_upload(picture), read_text(question, 'question'))
    return f'{found["answer"] or "(no word)"}\n{_log_probability(found["score"])}'


@told
def judge(model: AppModel, left: str | None, right: str | None, sentence: str) -> str:
    """Whether a sentence is true of two pictures, and how probable that is.

    Raises:
        AppError: As :func:`caption`, or there is no sentence.
    """
    pictures = [read_upload(left, 'left picture'), read_upload(right, 'right picture')]
    found = _predict(model, 'nlvr2', pictures, read_text(sentence, 'sentence'))
    return f'{"true" if found["answer"] else "false"}\nprobability of true {found["score"]:.2f}'


@told
def detect(model: AppModel, picture: str | None, names: str, top: int = 10) -> str:
    """The picture with the best boxes of the classes ``names``, which commas part, as html.

    Raises:
        AppError: As :func:`caption`, or there is no class.
    """
    pixels = read_upload(picture)
    found = _predict(model, 'detection', pixels, read_text(names, 'list of classes'), top=int(top))
    classes = found['classes']
    boxes = [Box(one['box'], classes.index(one['label']), one['label'], one['score']) for one in found['boxes']]
    rows = [[chip(box.label, box.phrase), f'{box.score:.3f}'] for box in boxes]
    shown = picture_html(to_jpeg(shrink(pixels, SHOWN)), pixels.shape[:2], boxes, f'{len(boxes)} boxes')
    return shown + table_html('Best first', ('class', 'score'), rows)
