"""Questions about pictures: VQA v2's official files (Goyal et al. 2017) and Visual Genome's (Krishna et al. 2017)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slan_mm.datasets.readers.entry import Entry, json_entries, load_json
from slan_mm.plain_text import is_blank, short

_VQA = (
    "format='vqa_v2' reads {questions: [{question_id, image_id, question}]} and, as answer_file, {annotations: "
    '[{question_id, answers: [{answer}], answer_type?, question_type?}]}.'
)
_VISUAL_GENOME = (
    "format='visual_genome' reads Visual Genome's question_answers.json: [{id, qas: [{qa_id, question, answer}]}], id "
    'being the image.'
)
_FOLDERS = ('VG_100K', 'VG_100K_2')  # the two archives of images


@dataclass(slots=True)
class QuestionRecord:
    """A question about an image.

    - ``answers``: the annotators' answers as they stand in the file, ten in VQA v2; empty where the file has none.
    - ``answer_type``, ``question_type``: e.g. 'yes/no' and 'is there'; None where the file does not tell.
    - ``entry``: where the record stands, for errors.
    """

    img_path: str
    image_id: str
    question_id: int | str
    question: str
    answers: list[str]
    answer_type: str | None
    question_type: str | None
    entry: Entry


def read_vqa_v2(ann_file: Path, answer_file: Path | None, img_root: str, image_name: str) -> Iterator[QuestionRecord]:
    """One record a question, in the order of the file.

    Args:
        ann_file: The questions.
        answer_file: The annotations of the same questions; None, as for the test sets: no answers.
        img_root: Folder of the images.
        image_name: Name of an image's file, with ``{image_id}``, e.g. ``'COCO_val2014_{image_id:012d}.jpg'``.

    Raises:
        AnnotationError: A field is missing or wrong, a question id is used twice, or the files do not belong together.
    """
    annotations: dict[str, Entry] = {}
    if answer_file is not None:
        for entry in json_entries(answer_file, load_json(answer_file), 'annotations', _VQA):
            annotations[_new_id(entry, 'question_id', annotations, _VQA)] = entry
    seen: dict[str, Entry] = {}
    for entry in json_entries(ann_file, load_json(ann_file), 'questions', _VQA):
        key = _new_id(entry, 'question_id', seen, _VQA)
        seen[key] = entry
        image_id = entry.take_id('image_id', _VQA)
        annotation = annotations.pop(key, None)
        if answer_file is not None and annotation is None:
            entry.fail(f'question {key!r} has no answers in {answer_file}', 'Do the two files belong together?')
        yield QuestionRecord(
            img_path=os.path.join(img_root, _image_name(entry, image_name, entry.data['image_id'])),
            image_id=image_id,
            question_id=entry.data['question_id'],
            question=_question(entry, _VQA),
            answers=[] if annotation is None else _answers(annotation),
            answer_type=_kind(annotation, 'answer_type'),
            question_type=_kind(annotation, 'question_type'),
            entry=entry,
        )
    for question_id, entry in annotations.items():
        entry.fail(
            f'question_id {question_id!r} is not among the questions of {ann_file}', 'Do the two files belong together?'
        )


def read_visual_genome(ann_file: Path, img_root: str) -> Iterator[QuestionRecord]:
    """One record a question with its one answer. An image lies in whichever of the two folders of Visual Genome has
    ``<id>.jpg``; one that lies in none is given the path it would have in the first."""
    where = {
        name: folder
        for folder in reversed(_FOLDERS)
        if os.path.isdir(os.path.join(img_root, folder))
        for name in os.listdir(os.path.join(img_root, folder))
    }
    seen: dict[str, Entry] = {}
    for image in json_entries(ann_file, load_json(ann_file), None, _VISUAL_GENOME):
        image_id = image.take_id('id', _VISUAL_GENOME)
        name = f'{image_id}.jpg'
        for number, item in enumerate(image.take('qas', list, _VISUAL_GENOME)):
            entry = image.child('qas', number, item)
            seen[_new_id(entry, 'qa_id', seen, _VISUAL_GENOME)] = entry
            answer = entry.take('answer', str, _VISUAL_GENOME).strip().rstrip('.').lower()
            yield QuestionRecord(
                img_path=os.path.join(img_root, where.get(name, _FOLDERS[0]), name),
                image_id=image_id,
                question_id=entry.data['qa_id'],
                question=_question(entry, _VISUAL_GENOME),
                answers=[answer],
                answer_type=None,
                question_type=None,
                entry=entry,
            )


def _new_id(entry: Entry, name: str, known: dict[str, Entry], remedy: str) -> str:
    value = entry.take_id(name, remedy)
    if value in known:
        entry.fail(f'a second entry with {name} {value!r}', 'Give every question an id of its own.')
    return value


def _kind(annotation: Entry | None, name: str) -> str | None:
    if annotation is None or annotation.data.get(name) is None:
        return None
    return annotation.take(name, str, _VQA)


def _question(entry: Entry, remedy: str) -> str:
    question = entry.take('question', str, remedy).strip()
    if is_blank(question):
        entry.fail('the question is empty', 'Write or remove it.')
    return question


def _answers(entry: Entry) -> list[str]:
    answers = [
        entry.child('answers', number, item).take('answer', str, _VQA)
        for number, item in enumerate(entry.take('answers', list, _VQA))
    ]
    if not answers:
        entry.fail('the list of answers is empty', "Give the annotators' answers, or leave answer_file out.")
    return answers


def _image_name(entry: Entry, template: str, image_id: int | str) -> str:
    try:
        return template.format(image_id=image_id)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        entry.fail(
            f'image_name {template!r} does not fit image_id {short(image_id)} ({error})',
            "It is a format of {image_id}, e.g. 'COCO_val2014_{image_id:012d}.jpg' for numbers.",
        )
