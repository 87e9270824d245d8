"""Caption scores are those of pycocoevalcap's own scorers; what cannot run is left out and said."""

import subprocess
import unicodedata

import pytest

from slan_mm.evaluation.functional import captions
from slan_mm.evaluation.functional.captions import score_captions, score_each_caption, simple_tokens

pytest.importorskip('pycocoevalcap', reason='the extra captions is not installed')
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

PREDICTIONS = {
    'a.jpg': 'A dog runs on the grass.',
    7: 'two people, sitting at a table',
    'c': "It's a red bus",
}
REFERENCES = {
    'a.jpg': ['A brown dog is running on the grass.', 'The dog runs across a lawn!'],
    7: ['Two people sit at a table.', 'A man and a woman sitting at the table'],
    'c': ['A red double-decker bus', "It's a bus; a red one."],
}
needs_java = pytest.mark.skipif(not captions.has_java(), reason='the official tokenizer and METEOR need Java')


def official(tokenised_predictions, tokenised_references):
    bleu, _ = Bleu(4).compute_score(tokenised_references, tokenised_predictions, verbose=0)
    scores = {f'BLEU{order}': value for order, value in enumerate(bleu, start=1)}
    scores['ROUGE_L'] = Rouge().compute_score(tokenised_references, tokenised_predictions)[0]
    scores['CIDEr'] = Cider().compute_score(tokenised_references, tokenised_predictions)[0]
    return {name: 100 * value for name, value in scores.items()}


def test_without_java_the_rest_is_scored_under_another_name(monkeypatch):
    monkeypatch.setattr(captions, 'has_java', lambda: False)
    scores, left_out = score_captions(PREDICTIONS, REFERENCES)
    tokens = {key: [simple_tokens(text)] for key, text in PREDICTIONS.items()}
    gold = {key: [simple_tokens(text) for text in texts] for key, texts in REFERENCES.items()}
    assert scores == pytest.approx({f'{name}_simple': value for name, value in official(tokens, gold).items()})
    assert [reason.split(' (')[0] for reason in left_out] == ['METEOR', 'SPICE', 'the Penn Treebank tokenizer']
    assert all('no Java' in reason for reason in left_out)


@needs_java
def test_with_java_the_scores_are_the_official_ones(monkeypatch):
    from pycocoevalcap.meteor import meteor
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    # One for both: its Java program reads tables for a quarter of a minute. It need not collect garbage on all cores.
    monkeypatch.setenv('JAVA_TOOL_OPTIONS', '-XX:+UseSerialGC')
    scorer = meteor.Meteor()
    monkeypatch.setattr(meteor, 'Meteor', lambda: scorer)
    scores, _ = score_captions(PREDICTIONS, REFERENCES, scorers=('BLEU', 'METEOR', 'ROUGE_L', 'CIDEr'))
    tokens = PTBTokenizer().tokenize({key: [{'caption': text}] for key, text in PREDICTIONS.items()})
    gold = PTBTokenizer().tokenize({key: [{'caption': text} for text in texts] for key, texts in REFERENCES.items()})
    expected = official(tokens, gold) | {'METEOR': 100 * scorer.compute_score(gold, tokens)[0]}
    assert scores == pytest.approx(expected)


@needs_java
def test_a_line_break_in_a_caption_is_a_space():
    """Of any kind; it moves no caption to another picture, whether a reference or what is scored."""
    marks = ('\n', '\r\n', '\r', '\v', '\f', '\x85', '\u2028', '\u2029')
    # All at once, as each call starts Java twice; tokens tell which one it is, scores that nothing moved.
    spaced = {(mark, key): [text] for mark in marks for key, text in PREDICTIONS.items()}
    broken = {(mark, key): [text.replace(' ', mark, 1)] for (mark, key), (text,) in spaced.items()}
    assert captions.tokenize(broken, 'ptb') == captions.tokenize(spaced, 'ptb')
    predictions = {name: text for name, (text,) in broken.items()}
    gold = {(mark, key): [text.replace(' ', mark) + mark for text in REFERENCES[key]] for mark, key in broken}
    scorers = ('BLEU', 'ROUGE_L', 'CIDEr')
    expected, _ = score_captions(
        {name: text for name, (text,) in spaced.items()}, {name: REFERENCES[name[1]] for name in spaced}, scorers
    )
    assert score_captions(predictions, gold, scorers)[0] == pytest.approx(expected)


@needs_java
def test_no_character_moves_a_caption():
    """Every control, format and space character, and captions without a word: each word comes back at its place."""
    marks = [chr(code) for code in range(0x10000) if unicodedata.category(chr(code)) in ('Cc', 'Cf', 'Zs', 'Zl', 'Zp')]
    texts = {number: [f'number{number} a{mark}b', mark] for number, mark in enumerate(['', *marks])}
    tokens = captions.tokenize(texts, 'ptb')
    assert list(tokens) == list(texts)
    for number, (first, *others) in tokens.items():
        assert first.split()[0] == f'number{number}' and len(others) == 1


@pytest.mark.parametrize('lines', [['a', 'dog', 'b', 'endofcaptions'], ['a'], []])
def test_a_tokenizer_that_loses_count_is_an_error(monkeypatch, lines):
    """It matches lines to captions by position."""
    from pycocoevalcap.tokenizer import ptbtokenizer

    class Java:
        def __init__(self, *_, **__):
            pass

        def communicate(self, **_):
            return '\n'.join(lines).encode(), None

    monkeypatch.setattr(ptbtokenizer.subprocess, 'Popen', Java)
    with pytest.raises(RuntimeError, match='did not give back the 2 captions'):
        captions.tokenize({0: ['a dog'], 1: ['b']}, 'ptb')


def test_spice_is_never_downloaded(monkeypatch):
    """Without its jars it is left out, and its scorer, which would fetch them, is not built."""
    from pycocoevalcap.spice import spice

    monkeypatch.setattr(captions, 'has_java', lambda: True)
    monkeypatch.setattr(captions, 'missing_spice_jars', lambda: ['stanford-corenlp-3.6.0.jar'])
    monkeypatch.setattr(spice, 'Spice', lambda: pytest.fail('SPICE was built'))
    scores, left_out = score_captions(PREDICTIONS, REFERENCES, scorers=('SPICE',), tokenizer='simple')
    assert scores == {}
    assert left_out == ['SPICE (no stanford-corenlp-3.6.0.jar; see docs/tasks/captioning.md)']


def test_spice_runs_where_its_jars_are_and_may_fail_alone(monkeypatch):
    from pycocoevalcap.spice import spice

    class Scorer:
        def compute_score(self, gold, tokens):
            assert sorted(gold) == sorted(tokens) == [0, 1, 2]
            return 0.25, []

    monkeypatch.setattr(captions, 'has_java', lambda: True)
    monkeypatch.setattr(captions, 'missing_spice_jars', list)
    monkeypatch.setattr(spice, 'Spice', Scorer)
    assert score_captions(PREDICTIONS, REFERENCES, ('SPICE',), 'simple') == ({'SPICE_simple': 25.0}, [])

    def fails(*_):
        raise subprocess.CalledProcessError(1, 'java')

    monkeypatch.setattr(Scorer, 'compute_score', fails)
    scores, left_out = score_captions(PREDICTIONS, REFERENCES, ('ROUGE_L', 'SPICE'), 'simple')
    assert list(scores) == ['ROUGE_L_simple'] and left_out[0].startswith('SPICE (its Java program failed')


def test_jars_are_looked_for_where_pycocoevalcap_keeps_them(tmp_path, monkeypatch):
    from pycocoevalcap.spice import spice

    monkeypatch.setattr(spice, '__file__', str(tmp_path / 'spice.py'))
    assert len(captions.missing_spice_jars()) == 2
    (tmp_path / 'lib').mkdir()
    for name in captions.missing_spice_jars():
        (tmp_path / 'lib' / name).touch()
    assert captions.missing_spice_jars() == []


def test_order_has_no_part():
    scorers = ('BLEU', 'ROUGE_L', 'CIDEr')
    turned = dict(reversed(PREDICTIONS.items()))
    first, _ = score_captions(PREDICTIONS, REFERENCES, scorers, 'simple')
    second, _ = score_captions(turned, REFERENCES, scorers, 'simple')
    assert first == pytest.approx(second)


@pytest.mark.parametrize('images', [1, 2, 3])
def test_cider_is_left_out_where_no_word_tells_images_apart(images):
    """All its weights are 0 there, and so would be the score of a right caption."""
    gold = {number: ['a dog runs on the grass', 'a brown dog'] for number in range(images)}
    said = {number: texts[0] for number, texts in gold.items()}
    scores, left_out = score_captions(said, gold, ('BLEU', 'ROUGE_L', 'CIDEr'), 'simple')
    assert [scores['BLEU4_simple'], scores['ROUGE_L_simple']] == pytest.approx([100, 100])
    assert 'CIDEr_simple' not in scores
    assert [reason for reason in left_out if reason.startswith('CIDEr (it weighs words')]
    assert f'of all images, here {images}, hold the same words' in left_out[-1]
    # One other image, and it is scored again, as pycocoevalcap does.
    gold['other'], said['other'] = ['two cats'], 'two cats'
    scores, left_out = score_captions(said, gold, ('CIDEr',), 'simple')
    assert scores['CIDEr_simple'] == pytest.approx(official({k: [v] for k, v in said.items()}, gold)['CIDEr']) != 0
    assert not any(reason.startswith('CIDEr') for reason in left_out)


def test_simple_tokens():
    assert simple_tokens("It's  a Red, double-decker bus!") == "it's a red double decker bus"


@pytest.mark.parametrize(
    ('predictions', 'references'),
    [({}, {}), ({'a': 'x'}, {'b': ['x']}), ({'a': 'x'}, {'a': []}), ({'a': 'x', 'b': 'y'}, {'a': ['x']})],
)
def test_what_cannot_be_scored(predictions, references):
    with pytest.raises(ValueError, match='every image needs a caption and at least one reference'):
        score_captions(predictions, references)


def test_unknown_names():
    with pytest.raises(ValueError, match='scorers are of'):
        score_captions(PREDICTIONS, REFERENCES, scorers=('BLEURT',))
    with pytest.raises(ValueError, match='tokenizer of'):
        score_captions(PREDICTIONS, REFERENCES, tokenizer='bpe')


def test_scores_of_captions_have_the_metrics_mean():
    captions = ['a red circle', 'a dog', 'two blue stars']
    references = [['the red circle'], ['a cat on a mat', 'a small cat'], ['two blue stars']]
    name, values = score_each_caption(captions, references)
    scores, _ = score_captions(
        dict(enumerate(captions)), dict(enumerate(references)), scorers=['CIDEr'], tokenizer='simple'
    )
    assert name == 'CIDEr_simple' and scores[name] == pytest.approx(sum(values) / 3)
    assert values[2] > values[0] > values[1]


def test_captions_whose_references_are_alike_are_scored_by_rouge():
    name, values = score_each_caption(['a b c', 'x'], [['a b c'], ['a b c']])
    assert name == 'ROUGE_L_simple' and values == pytest.approx([100, 0])
