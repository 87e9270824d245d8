"""The caption metric: ids, references, the results file."""

import json

import pytest

from slan_mm.evaluation import CaptionMetric, score_captions

pytest.importorskip('pycocoevalcap', reason='the extra captions is not installed')
OPTIONS = dict(tokenizer='simple', scorers=('BLEU', 'CIDEr'))
SAMPLES = [
    dict(image_id='coco/42', pred_caption='a red bus', text=['A red bus.', 'a bus']),
    dict(image_id='coco/7', pred_caption='two dogs', text=['two dogs play', 'dogs']),
    dict(image_id='coco/x9', pred_caption='a tree', text='a tree'),
]


def evaluate(metric, samples):
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples))


def test_scores_and_results_file(tmp_path):
    metric = CaptionMetric(outfile_prefix=str(tmp_path / 'out' / 'results'), id_prefix='coco/', **OPTIONS)
    scores = evaluate(metric, SAMPLES)
    expected, _ = score_captions(
        {number: sample['pred_caption'] for number, sample in enumerate(SAMPLES)},
        {0: SAMPLES[0]['text'], 1: SAMPLES[1]['text'], 2: ['a tree']},
        OPTIONS['scorers'],
        'simple',
    )
    assert scores == pytest.approx(
        {f'caption/{name}': value for name, value in expected.items()}
        | {'caption/exact': 200 / 3, 'caption/num_images': 3}
    )
    # Numbers where the ids are numbers, as COCO's and nocaps' servers ask for.
    assert json.loads((tmp_path / 'out' / 'results.json').read_text()) == [
        {'image_id': 42, 'caption': 'a red bus'},
        {'image_id': 7, 'caption': 'two dogs'},
        {'image_id': 'x9', 'caption': 'a tree'},
    ]


def test_a_repeated_image_counts_once():
    assert evaluate(CaptionMetric(**OPTIONS), [*SAMPLES, SAMPLES[0]]) == evaluate(CaptionMetric(**OPTIONS), SAMPLES)


def test_images_without_references_are_only_written(tmp_path):
    metric = CaptionMetric(outfile_prefix=str(tmp_path / 'nocaps'))
    samples = [dict(image_id=str(number), pred_caption=f'{number} birds') for number in range(3)]
    assert evaluate(metric, samples) == {'caption/num_images': 3}
    assert json.loads((tmp_path / 'nocaps.json').read_text())[2] == {'image_id': 2, 'caption': '2 birds'}


def test_references_of_some_images_only():
    with pytest.raises(ValueError, match='every image needs a caption and at least one reference'):
        evaluate(CaptionMetric(**OPTIONS), [*SAMPLES, dict(image_id='1', pred_caption='a')])


def test_what_is_left_out_is_said_in_one_line(monkeypatch, caplog):
    from slan_mm.evaluation.functional import captions
    from slan_mm.evaluation.metrics import caption_metric

    said = []
    monkeypatch.setattr(captions, 'has_java', lambda: False)
    monkeypatch.setattr(caption_metric, 'print_log', lambda message, *_: said.append(message))
    scores = evaluate(CaptionMetric(scorers=('BLEU', 'METEOR')), SAMPLES)
    assert {'caption/BLEU4_simple'} <= set(scores) and not any('METEOR' in name for name in scores)
    (line,) = said
    assert line.startswith('Caption scores left out: METEOR (no Java); the Penn Treebank tokenizer (no Java)')
