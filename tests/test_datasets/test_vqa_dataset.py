"""Questions about pictures: official files, splits, and everything that can be wrong with them."""

import json

import numpy as np
import pytest
from PIL import Image

from slan_mm.datasets import VQADataset
from slan_mm.datasets.readers import AnnotationError
from slan_mm.datasets.unreadable import UnreadableImageError

PIPELINE = [
    dict(type='LoadImage'),
    dict(type='ResizeImage', size=32),
    dict(type='PackPairs', meta_keys=VQADataset.META_KEYS),
]


def write(root, questions=None, annotations=None, images=(1, 2, 3, 4)):
    """A data set of four questions about four images."""
    questions = questions or [
        dict(question_id=10 * number, image_id=number, question=f'what is {number}') for number in range(1, 5)
    ]
    annotations = annotations or [
        dict(
            question_id=question['question_id'],
            answer_type='other',
            question_type='what is',
            answers=[dict(answer='cat' if question['image_id'] < 3 else 'A Dog')] * 10,
        )
        for question in questions
    ]
    (root / 'images').mkdir()
    for number in images:
        array = np.full((20, 30, 3), 20 * number, dtype=np.uint8)
        Image.fromarray(array).save(root / 'images' / f'COCO_{number:012d}.jpg')
    (root / 'questions.json').write_text(json.dumps(dict(questions=questions)))
    (root / 'annotations.json').write_text(json.dumps(dict(annotations=annotations)))
    return root


def build(root, **options):
    config = dict(
        ann_file='questions.json',
        answer_file='annotations.json',
        image_name='COCO_{image_id:012d}.jpg',
        data_root=str(root),
        data_prefix=dict(img='images'),
        pipeline=PIPELINE,
    )
    return VQADataset(**{**config, **options})


def test_an_item(tmp_path):
    dataset = build(write(tmp_path), id_prefix='vqa/', answer_weight=0.5)
    assert len(dataset) == 4
    item = dataset[2]
    sample = item['data_samples']
    assert item['inputs'].shape == (3, 32, 32)
    assert (sample.question_id, sample.sample_id, sample.image_id) == (30, 'vqa/30', 'vqa/3')
    assert (sample.text, sample.answers, sample.answer_weight) == ('what is 3', ['A Dog'] * 10, 0.5)
    assert (sample.answer_type, sample.question_type) == ('other', 'what is')


def test_a_test_set_has_no_answers(tmp_path):
    dataset = build(write(tmp_path), answer_file=None, test_mode=True)
    assert len(dataset) == 4 and 'answers' not in dataset[0]['data_samples']
    with pytest.raises(AnnotationError, match='no question has an answer to learn'):
        build(tmp_path, answer_file=None)


def test_the_questions_of_an_image_are_in_one_split(tmp_path):
    questions = [dict(question_id=n, image_id=1 + n % 4, question='what') for n in range(20)]
    write(tmp_path, questions=questions)
    parts = {split: build(tmp_path, split=split, holdout=0.5) for split in ('train', 'val')}
    images = {split: {part.get_data_info(n)['image_id'] for n in range(len(part))} for split, part in parts.items()}
    assert not images['train'] & images['val']
    assert sum(map(len, parts.values())) == 20
    with pytest.raises(ValueError, match="split 'train' or 'val' needs a holdout"):
        build(tmp_path, split='train')


def test_questions_that_the_answer_list_cannot_answer(tmp_path, monkeypatch):
    from slan_mm.datasets import vqa_dataset

    said = []
    monkeypatch.setattr(vqa_dataset, 'print_log', lambda message, *_: said.append(message))
    write(tmp_path)
    answers = tmp_path / 'answers.json'
    answers.write_text('["dog", "bird"]')  # 'A Dog' is 'dog' in the official normalisation
    training = build(tmp_path, answer_list=str(answers))
    assert [training.get_data_info(n)['question_id'] for n in range(len(training))] == [30, 40]
    assert '2 of 4 questions have no answer in' in said[-1] and 'were left out' in said[-1]
    assert len(build(tmp_path, answer_list=str(answers), test_mode=True)) == 4
    assert 'stay, and count as wrong' in said[-1]
    answers.write_text('["tree"]')
    with pytest.raises(AnnotationError, match=r"questions\.json.*not one of 4 questions .* the first has \['cat'\]"):
        build(tmp_path, answer_list=str(answers), test_mode=True)


def test_empty_answers_are_not_learnt(tmp_path):
    questions = [dict(question_id=n, image_id=n, question='what') for n in (1, 2)]
    annotations = [
        dict(question_id=1, answers=[dict(answer='')] * 10),
        dict(question_id=2, answers=[dict(answer='cat')] * 10),
    ]
    write(tmp_path, questions, annotations)
    assert len(build(tmp_path)) == 1 and len(build(tmp_path, test_mode=True)) == 2


def test_missing_files(tmp_path):
    write(tmp_path)
    for name in ('ann_file', 'answer_file'):
        with pytest.raises(FileNotFoundError, match="none.json' does not exist"):
            build(tmp_path, **{name: 'none.json'})
    with pytest.raises(FileNotFoundError, match='image folder'):
        build(tmp_path, data_prefix=dict(img='pictures'))
    with pytest.raises(FileNotFoundError, match='none of 4 images looked for exists'):
        build(tmp_path, image_name='{image_id}.png')


def test_a_truncated_image(tmp_path):
    write(tmp_path)
    file = tmp_path / 'images' / f'COCO_{1:012d}.jpg'
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(UnreadableImageError, match='Cannot read image'):
        build(tmp_path, test_mode=True)[0]
    training = build(tmp_path)
    assert training[0]['data_samples'].question_id != 10
    assert training.read_counter.unreadable >= 1


@pytest.mark.parametrize(
    ('questions', 'annotations', 'error'),
    [
        ([dict(question_id=1, image_id=1, question=' ')], None, r'questions\[0\]: the question is empty'),
        ([dict(question_id=1, image_id=1)], [dict(question_id=1, answers=[])], "no field 'question'"),
        ([dict(question_id=1, image_id=1, question='a')] * 2, None, "a second entry with question_id '1'"),
        (
            [dict(question_id=1, image_id=1, question='a')],
            [dict(question_id=2, answers=[dict(answer='x')])],
            "question '1' has no answers in",
        ),
        (
            [dict(question_id=1, image_id=1, question='a')],
            [dict(question_id=n, answers=[dict(answer='x')]) for n in (1, 2)],
            "question_id '2' is not among the questions",
        ),
        (
            [dict(question_id=1, image_id=1, question='a')],
            [dict(question_id=1, answers=[])],
            'the list of answers is empty',
        ),
        (
            [dict(question_id=1, image_id=1, question='a')],
            [dict(question_id=1, answers=['x'])],
            'expected an object with fields, got str',
        ),
        ([dict(question_id=1, image_id='a1', question='a')], None, 'does not fit image_id'),
    ],
)
def test_wrong_files(tmp_path, questions, annotations, error):
    annotations = annotations or [
        dict(question_id=number, answers=[dict(answer='x')]) for number in {q['question_id'] for q in questions}
    ]
    with pytest.raises(AnnotationError, match=error):
        build(write(tmp_path, questions, annotations))


def test_visual_genome(tmp_path):
    for folder, number in (('VG_100K', 1), ('VG_100K_2', 2)):
        (tmp_path / folder).mkdir()
        Image.new('RGB', (8, 8)).save(tmp_path / folder / f'{number}.jpg')
    entries = [
        dict(id=number, qas=[dict(qa_id=number, question='What is it?', answer='A cat.')]) for number in (1, 2, 3)
    ]
    (tmp_path / 'qa.json').write_text(json.dumps(entries))
    dataset = build(tmp_path, format='visual_genome', ann_file='qa.json', answer_file=None, data_prefix=dict(img=''))
    infos = [dataset.get_data_info(number) for number in range(3)]
    assert [info['img_path'].split('/')[-2] for info in infos] == ['VG_100K', 'VG_100K_2', 'VG_100K']
    assert infos[1]['answers'] == ['a cat'] and infos[1]['question_id'] == 2
    (tmp_path / 'qa.json').write_text(json.dumps([dict(id=1, qas=[dict(qa_id=1, question='What?')])]))
    with pytest.raises(AnnotationError, match=r"qas\[0\]: no field 'answer'"):
        build(tmp_path, format='visual_genome', ann_file='qa.json', answer_file=None, data_prefix=dict(img=''))
    with pytest.raises(ValueError, match='format must be one of'):
        build(tmp_path, format='gqa')
