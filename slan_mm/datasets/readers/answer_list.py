"""The closed list of answers that a VQA model may choose from: a json list of texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slan_mm.datasets.readers.entry import Entry, load_json

_REMEDY = 'tools/dataset_converters/vqa_answer_list.py makes one from an annotation file.'


def check_answers(answers: Sequence[str], name: str) -> list[str]:
    """``answers``, none of them empty, all different.

    Raises:
        AnnotationError: They are not; the message names the first one that is wrong.
    """
    if not answers:
        Entry(None, Path(name)).fail('the answer list is empty', _REMEDY)
    seen: dict[str, int] = {}
    for index, answer in enumerate(answers):
        place = Entry(answer, Path(name), f'entry {index}')
        if not isinstance(answer, str) or not answer.strip():
            place.fail(f'an answer should be a text that is not empty, got {answer!r}', _REMEDY)
        if answer in seen:
            place.fail(f'the answer {answer!r} is entry {seen[answer]}, too', 'Keep one of them.')
        seen[answer] = index
    return list(answers)


def read_answer_list(file: str | Path) -> list[str]:
    """The answers in a json file, in its order.

    Raises:
        FileNotFoundError: There is no such file.
        AnnotationError: It is no list of different texts.
    """
    file = Path(file)
    answers = load_json(file)
    if not isinstance(answers, list):
        Entry(None, file, line=1).fail(f'expected a list of answers, got {type(answers).__name__}', _REMEDY)
    return check_answers(answers, str(file))
