"""Readers of questions and of NLVR2: changed files are read rightly, or refused in one line with the file's name."""

import json
from collections import Counter
from pathlib import Path

import pytest
from support.fuzzing import fuzz

from slan_mm.datasets import NLVR2Dataset, VQADataset
from slan_mm.plain_text import is_blank, is_whole

QUESTIONS = [{'question_id': 10 * n, 'image_id': n, 'question': f'what is {n}?'} for n in range(1, 4)]
ANSWERS = [
    {'question_id': q['question_id'], 'image_id': q['image_id'], 'answer_type': 'other', 'question_type': 'what is',
     'answers': [{'answer': 'cat', 'answer_id': m} for m in range(2)]}
    for q in QUESTIONS
]  # fmt: skip
GENOME = [{'id': n, 'qas': [{'qa_id': 10 * n, 'question': f'what is {n}?', 'answer': 'A cat.'}]} for n in range(1, 4)]
VQA = dict(ann_file='q.json', answer_file='a.json', image_name='{image_id}.jpg')
CASES = {
    'questions': ({'q.json': {'questions': QUESTIONS}, 'a.json': {'annotations': ANSWERS}}, VQA),
    'answers': ({'a.json': {'annotations': ANSWERS}, 'q.json': {'questions': QUESTIONS}}, VQA),
    'visual_genome': ({'g.json': GENOME}, dict(ann_file='g.json', format='visual_genome')),
}


def plain(case, folder):
    """By question id the question, image id and answers of a plain reading."""
    files = {name: json.loads((folder / name).read_bytes()) for name in CASES[case][0]}
    if case == 'visual_genome':
        return {
            str(one['qa_id']): (one['question'], image['id'], [one['answer']])
            for image in files['g.json']
            for one in image['qas']
        }
    answers = {
        str(one['question_id']).strip(): [answer['answer'] for answer in one['answers']]
        for one in files['a.json']['annotations']
    }
    return {
        str(one['question_id']).strip(): (
            one['question'], one['image_id'], answers[str(one['question_id']).strip()]
        )
        for one in files['q.json']['questions']
    }  # fmt: skip


@pytest.mark.parametrize('case', CASES)
def test_fuzzed_questions(images: Path, write, case):
    contents, options = CASES[case]
    changed, *_ = [Path(write(name, content)) for name, content in contents.items()]
    (images / 'VG_100K').mkdir()
    for number in range(1, 4):
        for folder in (images, images / 'VG_100K'):
            (folder / f'{number}.jpg').write_bytes((images / 'a.jpg').read_bytes())

    def read():
        dataset = VQADataset(data_root=str(images.parent), data_prefix={'img': 'images'}, **options)
        return [dataset.get_data_info(index) for index in range(len(dataset))]

    def check(items):
        assert items and len({item['sample_id'] for item in items}) == len(items)
        told = plain(case, changed.parent)
        assert len(told) == len(items)
        for item in items:
            question, image, answers = told[str(item['question_id'])]
            assert (item['text'], item['image_id']) == (question.strip(), str(image).strip())
            # Visual Genome's answers lose their full stop.
            assert case == 'visual_genome' or item['answers'] == answers
            assert all(map(is_whole, (item['text'], item['img_path'], item['image_id'], item['sample_id'])))
            assert not is_blank(item['text']) and item['answers']
            assert all(isinstance(answer, str) and is_whole(answer) for answer in item['answers'])
            assert item['image_id'] not in ('', 'None', 'True', 'False') and type(item['question_id']) in (int, str)

    counts = fuzz(read, changed, check)
    assert min(counts.values()) > 0


def test_fuzzed_nlvr2(images: Path, write):
    folders = ('dev', 'test1', 'images/train/7')
    for folder in folders:
        (images / folder).mkdir(parents=True)
    identifiers = [f'{split}-{n}-0-{n}' for split in ('dev', 'test1', 'train') for n in range(2)]
    for identifier in identifiers:
        folder = 'images/train/7' if identifier.startswith('train') else identifier.split('-')[0]
        for side in '01':
            name = f'{identifier.rsplit("-", 1)[0]}-img{side}.png'
            (images / folder / name).write_bytes((images / 'a.jpg').read_bytes())
    examples = [
        {'identifier': name, 'sentence': f'Two dogs of {name}.', 'label': label, 'directory': 7, 'synset': 'dog'}
        for name, label in zip(identifiers, ('True', 'False') * 3, strict=True)
    ]
    file = Path(write('dev.jsonl', '\n'.join(map(json.dumps, examples)) + '\n'))

    def read():
        dataset = NLVR2Dataset(ann_file=str(file), data_prefix={'img': str(images)})
        return [dataset.get_data_info(index) for index in range(len(dataset))], dataset.metainfo['left_out']

    def check(read):
        items, left_out = read
        assert items and len({item['sample_id'] for item in items}) == len(items)
        lines = [json.loads(line) for line in file.read_bytes().decode('utf-8-sig').split('\n') if line.strip()]
        told = Counter((one['sentence'].strip(), str(one['label']).strip().lower() == 'true') for one in lines)
        found = Counter((item['text'], bool(item['gt_label'])) for item in items)
        # Those without photographs are counted.
        assert found <= told and (told - found).total() == left_out
        for item in items:
            left, right = map(Path, item['img_path'])
            assert left.is_file() and right.is_file() and left.name.endswith('0.png') and right.name.endswith('1.png')
            assert item['sample_id'].startswith(item['image_id']) and left.name.startswith(item['image_id'])
            assert item['gt_label'] in (0, 1) and not is_blank(item['text']) and is_whole(item['text'])

    counts = fuzz(read, file, check, skipped=lambda error: isinstance(error, FileNotFoundError))
    assert min(counts.values()) > 0
