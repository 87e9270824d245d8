"""The closed list of answers that a VQA model may choose from: a json list of texts. Model and data set read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slan_mm.plain_text import is_blank, is_whole, short
from slan_mm.text_files import TextFileError, read_json

_REMEDY = 'tools/dataset_converters/vqa_answer_list.py makes one from an annotation file.'


def check_answers(answers: Sequence[str], name: str) -> list[str]:
    """``answers``, none of them empty, all different.

    Raises:
        ValueError: They are not; the message names the first one that is wrong.
    """
    if not answers:
        raise ValueError(f'{name}: the answer list is empty. {_REMEDY}')
    seen: dict[str, int] = {}
    for index, answer in enumerate(answers):
        if not isinstance(answer, str) or is_blank(answer) or not is_whole(answer):
            raise ValueError(
                f'{name}, entry {index}: an answer should be a text that is not empty, got {short(answer)}. {_REMEDY}'
            )
        if answer in seen:
            raise ValueError(f'{name}, entry {index}: the answer {answer!r} is entry {seen[answer]}, too. Keep one.')
        seen[answer] = index
    return list(answers)


def read_answer_list(file: str | Path) -> list[str]:
    """The answers in a json file, in its order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no list of different texts.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f'The answer list {str(file)!r} does not exist. {_REMEDY}')
    try:
        answers = read_json(file)
    except TextFileError as error:
        raise ValueError(f'{error}. {_REMEDY}') from error
    if not isinstance(answers, list):
        raise ValueError(f'{file}: expected a list of answers, got {type(answers).__name__}. {_REMEDY}')
    return check_answers(answers, str(file))
