"""Trained models at hand. The model is a toy: what is tested is the way from pictures and texts to predictions."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from support.toy import build_toy_slan
from torchvision.ops import box_iou

from slan_mm.apis import (
    CaptioningInferencer,
    GroundingInferencer,
    NLVR2Inferencer,
    RetrievalInferencer,
    SLANInferencer,
    VQAInferencer,
    grounding_inferencer,
)
from slan_mm.applied_config import picture_size
from slan_mm.datasets.pictures import list_pictures, read_picture
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.models.phrase_grounding import best_boxes
from slan_mm.registry import MODELS
from slan_mm.visualization import Canvas

TEXTS = ['a [red circle]', 'a [small blue square] next to a [green star] and a [pink cross]', 'a [large] [diamond]']


@pytest.fixture
def grounding(config, checkpoint):
    return GroundingInferencer(config(), checkpoint, 'cpu', show_progress=False)


def boxes_of(prediction):
    return torch.tensor([box for phrase in prediction['phrases'] for box in phrase['boxes']])


def test_boxes_are_in_pixels_of_the_picture(grounding, photos):
    (prediction,) = grounding(photos / '0.png', 'a [red circle] above a [square]')['predictions']
    assert prediction['text'] == 'a red circle above a square' and prediction['size'] == [30, 90]
    assert [phrase['phrase'] for phrase in prediction['phrases']] == ['red circle', 'square']
    boxes = boxes_of(prediction)
    assert (boxes >= 0).all() and (boxes[:, [0, 2]] <= 90).all() and (boxes[:, [1, 3]] <= 30).all()
    assert (boxes[:, 2] > 30).any(), 'x is not squeezed into the height'


def test_a_prediction_does_not_depend_on_the_others_of_its_batch(grounding, photos):
    together = grounding(photos, TEXTS, batch_size=3)['predictions']
    for name, text, prediction in zip('012', TEXTS, together, strict=True):
        (alone,) = grounding(photos / f'{name}.png', text)['predictions']
        assert torch.allclose(boxes_of(alone), boxes_of(prediction), atol=1e-3)
    backwards = grounding(sorted(photos.iterdir())[::-1], TEXTS[::-1], batch_size=2)['predictions'][::-1]
    for one, other in zip(together, backwards, strict=True):
        assert torch.allclose(boxes_of(one), boxes_of(other), atol=1e-3)


def test_a_file_an_array_and_a_pil_image_are_the_same_picture(grounding, photos):
    path = photos / '1.png'
    with Image.open(path) as image:
        pictures = [path, str(path), np.asarray(image), image.copy()]
    results = grounding(pictures, TEXTS[0])['predictions']
    assert [prediction['image'] for prediction in results] == [str(path), str(path), 'picture-2', 'picture-3']
    assert all(torch.equal(boxes_of(prediction), boxes_of(results[0])) for prediction in results)


def test_spans_take_the_place_of_brackets(grounding, photos):
    path = photos / '0.png'
    marked = grounding(path, 'a [red circle] and a [square]')['predictions']
    given = grounding(path, 'a red circle and a square', phrases=[[2, 12], [[19, 25]]])['predictions']
    assert marked == given
    with pytest.raises(ValueError, match=r'phrase \[20, 40\] is not inside the text of 25 characters'):
        grounding(path, 'a red circle and a square', phrases=[[20, 40]])


def test_noun_phrases_are_found(grounding, photos):
    (prediction,) = grounding(photos / '0.png', 'a red circle and a square', find='noun_phrases')['predictions']
    assert [phrase['phrase'] for phrase in prediction['phrases']] == ['red circle', 'square']


def test_the_answer_is_the_best_box_and_others_are_elsewhere():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [0, 0, 10, 4], [20, 1, 30, 10]])
    level = dict(boxes=boxes, scores=torch.tensor([0.5, 0.5, 0.25, -0.5, -0.75]))
    assert best_boxes(level, 1, None)[0].tolist() == boxes[:1].tolist(), 'the first of two equal ones'
    found, scores = best_boxes(level, 10, None)
    assert found.tolist() == boxes[[0, 2, 3]].tolist() and scores.tolist() == [0.5, 0.25, -0.5]
    assert best_boxes(level, 10, 0.0)[1].tolist() == [0.5, 0.25]
    assert len(best_boxes(level, 10, 0.6)[0]) == 0
    with pytest.raises(ValueError, match='top must be at least 1, got 0'):
        best_boxes(level, 0, None)


def test_a_phrase_gets_one_box_unless_more_are_asked_for(grounding, photos):
    (one,) = grounding(photos / '0.png', TEXTS[1])['predictions']
    assert [len(phrase['boxes']) for phrase in one['phrases']] == [1, 1, 1]
    (more,) = grounding(photos / '0.png', TEXTS[1], top=5)['predictions']
    for phrase, best in zip(more['phrases'], one['phrases'], strict=True):
        assert phrase['boxes'][0] == best['boxes'][0] and 1 < len(phrase['boxes']) <= 5
        overlaps = box_iou(torch.tensor(phrase['boxes']), torch.tensor(phrase['boxes'])).fill_diagonal_(0)
        assert overlaps.max() <= 0.5


def test_names_come_before_answers_and_what_is_not_found_is_told(grounding, photos):
    (prediction,) = grounding(photos / '1.png', TEXTS[0])['predictions']
    lines = grounding.describe(prediction).splitlines()
    assert lines[0] == f'{photos / "1.png"}: a red circle' and lines[1].startswith('  red circle: [')
    (none,) = grounding(photos / '1.png', TEXTS[0], score_thr=9.0)['predictions']
    assert grounding.describe(none).splitlines()[1:] == ['  red circle: no box with such a score']


def test_a_phrase_that_is_not_read_is_told_and_drawn_without_a_box(grounding, photos, tmp_path):
    text = 'a red circle and ' * 5 + 'a [blue square]'
    (prediction,) = grounding(photos / '0.png', text, img_out_dir=tmp_path)['predictions']
    (phrase,) = prediction['phrases']
    assert phrase['boxes'] == [] and phrase['unread'].startswith('it lies behind the last token')
    assert grounding.describe(prediction).splitlines()[1] == f'  blue square: not grounded: {phrase["unread"]}'


def test_pages_have_the_boxes_and_scores_of_the_results(grounding, photos, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        grounding_inferencer,
        'draw_regions',
        lambda pictures, title, **_: drawn.append((pictures[0], title)) or Canvas(9, 9),
    )
    (prediction,) = grounding(photos / '0.png', TEXTS[0], top=3, show=False, img_out_dir=photos)['predictions']
    ((picture, title),) = drawn
    assert title == '0.png'
    assert picture.phrases[0].answers.tolist() == prediction['phrases'][0]['boxes']
    assert picture.phrases[0].scores.tolist() == prediction['phrases'][0]['scores']
    grounding(photos / '0.png', TEXTS[0], score_thr=9.0, img_out_dir=photos)
    assert len(drawn[1][0].phrases[0].answers) == 0


@pytest.mark.parametrize(('seen', 'shown'), [(True, True), (False, False)])
def test_the_bar_is_on_a_terminal_alone(config, checkpoint, photos, monkeypatch, capsys, seen, shown):
    monkeypatch.setattr('sys.stderr.isatty', lambda: seen)
    GroundingInferencer(config(), checkpoint, 'cpu')(photos, TEXTS[0])
    captured = capsys.readouterr()
    assert 'grounding' not in captured.out
    # Others may write there, too: libraries that earlier tests have imported.
    assert ('grounding' in captured.err) is shown, captured.err


def test_folders_and_files_go_together_and_home_is_found(photos, monkeypatch):
    monkeypatch.setenv('HOME', str(photos.parent))
    assert list_pictures([photos / '2.png', photos]) == [photos / f'{number}.png' for number in (2, 0, 1, 2)]
    assert list_pictures('~/photos')[0] == photos / '0.png'
    assert read_picture('~/photos/0.png').shape == (30, 90, 3)


def test_models_that_cannot_do_the_task_are_told_before_they_are_built(config, checkpoint, monkeypatch):
    monkeypatch.setattr(MODELS, 'build', lambda *_: pytest.fail('built'))
    for cfg, inferencer, said in (
        (config(), VQAInferencer, 'vqa: SLAN has no decoder, inference'),
        (config(type='SLANCaptioner'), GroundingInferencer, 'grounding: SLANCaptioner has no grounds_phrases'),
        (config(type='SLAM'), GroundingInferencer, "there is no model 'SLAM', is 'SLAN' meant"),
        (Config(dict()), GroundingInferencer, 'has no model with a type'),
        (Config(dict(model=1)), GroundingInferencer, 'has no model with a type'),
        (Config(dict(model=dict(type=['SLAN']))), GroundingInferencer, 'has no model with a type'),
    ):
        with pytest.raises(ValueError, match=said):
            inferencer(cfg, checkpoint)


def test_a_model_with_a_wrong_option_is_told_in_a_line(config, checkpoint):
    with pytest.raises(ValueError, match=r"^the model of the config cannot be built: .*'typo'$"):
        GroundingInferencer(config(image__typo=3), checkpoint)


def test_configs_that_cannot_be_read_are_told(config, checkpoint, tmp_path):
    path = tmp_path / 'broken.py'
    path.write_text('model = dict(\n')
    with pytest.raises(ValueError, match=r'broken\.py cannot be read as a config'):
        GroundingInferencer(path, checkpoint)
    with pytest.raises(ValueError, match=r'image_size\.x=1 cannot be set in the config'):
        GroundingInferencer(config(), checkpoint, cfg_options={'image_size.x': 1})


def test_what_a_call_is_given_is_checked_without_a_model(photos, tmp_path):
    check = GroundingInferencer.check_call
    check(photos, 'a [dog]', top=2, score_thr=0.1, find='words', batch_size=1)
    for pictures, text, options, said in (
        ('gone.jpg', 'a [dog]', {}, 'there is no picture gone.jpg'),
        (photos, 'a [dog', {}, "without ']'"),
        (photos, 'a dog', dict(tops=3), 'grounding has no option tops; its own are find, phrases, score_thr, top'),
        (photos, ['a dog', 'a cat'], {}, '2 texts for 3 pictures'),
    ):
        with pytest.raises((ValueError, UnreadableImageError), match=said):
            check(pictures, text, **options)
    with pytest.raises(UnreadableImageError, match='there is no picture gone'):
        NLVR2Inferencer.check_call([photos / '0.png', 'gone'], 'a cross')
    with pytest.raises(ValueError, match='captioning has no option top; it has none of its own'):
        CaptioningInferencer.check_call(photos, top=3)
    with pytest.raises(ValueError, match="'t2i' or 'i2t'"):
        RetrievalInferencer.check_call(photos, 'a dog', direction='up')


def test_pages_and_predictions_are_written(grounding, photos, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(Image.Image, 'show', lambda image, title: shown.append((image.size, title)))
    result = grounding(photos, TEXTS, show=True, img_out_dir=tmp_path / 'a', pred_out_dir=tmp_path / 'b')
    names = sorted(path.name for path in (tmp_path / 'a').glob('*.jpg'))
    assert names == ['00000_0.jpg', '00001_1.jpg', '00002_2.jpg']
    assert json.loads((tmp_path / 'b' / 'predictions.json').read_text()) == result['predictions']
    with Image.open(tmp_path / 'a' / names[0]) as page:
        same = Image.fromarray(result['visualization'][0]).resize(page.size)
        assert np.abs(np.asarray(page, float) - np.asarray(same, float)).mean() < 15, 'a white page is 30 off'
    assert [title for _, title in shown] == [str(photos / f'{number}.png') for number in range(3)]


def test_nothing_is_drawn_unasked_and_samples_can_be_had(grounding, photos):
    result = grounding(photos / '0.png', TEXTS[0], return_datasamples=True)
    assert result['visualization'] is None
    assert result['predictions'][0].pred_phrases[0][-1]['boxes'].shape[1] == 4


def test_the_supervised_model_gives_probabilities(config, photos, tmp_path):
    cfg = config(type='SLANGrounder', head=dict(score_dims=8))
    cfg.model.pop('objective')
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, tmp_path / 'toy.pth')
    inferencer = GroundingInferencer(cfg, tmp_path / 'toy.pth', 'cpu', show_progress=False)
    (prediction,) = inferencer(photos / '0.png', 'a [red circle]', top=3)['predictions']
    assert all(0 < score < 1 for score in prediction['phrases'][0]['scores'])
    some = dict(list(inferencer.model.state_dict().items())[:3])
    torch.save({'state_dict': some}, tmp_path / 'o.pth')
    with pytest.raises(ValueError, match='of another architecture than this SLANGrounder'):
        GroundingInferencer(cfg, tmp_path / 'o.pth', 'cpu')


@pytest.fixture
def retrieval(config, checkpoint):
    return RetrievalInferencer(config(), checkpoint, 'cpu', show_progress=False)


def test_retrieval_scores_are_itc_plus_itm(retrieval, photos):
    texts = ['a red circle', 'a green star next to a blue square']
    by_text = retrieval(photos, texts, itm_weight=0.5, batch_size=2)['predictions']
    by_picture = retrieval(photos, texts, itm_weight=0.5, direction='i2t')['predictions']
    assert [len(p['found']) for p in by_text] == [3, 3] and [len(p['found']) for p in by_picture] == [2, 2, 2]
    one = {(p['text'], f['image']): (f['score'], f['match']) for p in by_text for f in p['found']}
    other = {(f['text'], p['image']): (f['score'], f['match']) for p in by_picture for f in p['found']}
    assert one.keys() == other.keys()
    for pair, values in one.items():
        assert values == pytest.approx(other[pair], abs=1e-4)

    model = build_toy_slan()
    model.load_state_dict(retrieval.model.state_dict())
    pictures = [
        torch.from_numpy(np.array(Image.open(path).resize((32, 32), Image.BICUBIC))) for path in list_pictures(photos)
    ]
    data = model.eval().data_preprocessor(
        dict(inputs=[picture.movedim(-1, 0) for picture in pictures], data_samples=[dict()] * 3), False
    )
    with torch.no_grad():
        image, text = model.encode_image(data['inputs']), model.encode_text(texts)
        itc = model.shortlist_scores(image, text)
        itm = model.itm_scores(image, text[torch.tensor([0, 0, 0])])
    for number, path in enumerate(list_pictures(photos)):
        expected = (itc[number, 0] + 0.5 * itm[number]).item(), itm[number].sigmoid().item()
        assert one[texts[0], str(path)] == pytest.approx(expected, abs=1e-3)
    scores = [found['score'] for found in by_text[0]['found']]
    assert scores == sorted(scores, reverse=True)


def test_retrieval_shortlists_draws_and_describes(retrieval, photos, tmp_path):
    result = retrieval(photos, 'a circle', top=2, img_out_dir=tmp_path)
    assert len(result['predictions'][0]['found']) == 2 and len(result['visualization']) == 1
    lines = retrieval.describe(result['predictions'][0]).splitlines()
    assert lines[0] == 'a circle' and len(lines) == 3
    assert (
        len(retrieval(photos, ['a circle', 'b'], direction='i2t', show=False, img_out_dir=tmp_path)['visualization'])
        == 3
    )


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (dict(texts=[]), 'at least one'),
        (dict(texts=['a', ' ']), r'texts\[1\] must not be empty'),
        (dict(texts='a', direction='both'), "'t2i' or 'i2t'"),
        (dict(texts='a', colour='red'), 'unknown argument'),
    ],
)
def test_wrong_retrieval_arguments_are_told(retrieval, photos, arguments, said):
    with pytest.raises(ValueError, match=said):
        retrieval(photos, **arguments)


def test_the_task_chooses_the_inferencer(config, checkpoint, photos, grounding):
    inferencer = SLANInferencer('grounding', config(), checkpoint, device='cpu', show_progress=False)
    assert inferencer(photos, TEXTS)['predictions'] == grounding(photos, TEXTS)['predictions']
    with pytest.raises(ValueError, match="task must be one of .*'grounding'"):
        SLANInferencer('cooking', config(), checkpoint)


def test_stored_features_are_not_asked_for(config, checkpoint, photos):
    cfg = config(
        text__encoder__type='StoredTextEncoder',
        text__encoder__store='no/such/store',
        text__encoder__frozen=True,
    )
    inferencer = GroundingInferencer(cfg, checkpoint, 'cpu', show_progress=False)
    assert len(inferencer(photos / '0.png', 'a [circle]')['predictions']) == 1
    assert cfg.model.text.encoder.store == 'no/such/store', 'the config given is left as it is'


def test_weights_of_another_model_are_refused(config, checkpoint):
    with pytest.raises(ValueError, match=r'toy\.pth holds the weights of another model[\s\S]*itc_projection'):
        GroundingInferencer(config(itc_dims=5), checkpoint)


def test_missing_files_are_named(config, checkpoint):
    with pytest.raises(ValueError, match='no load_from'):
        GroundingInferencer(config())
    with pytest.raises(FileNotFoundError, match=r'gone\.pth'):
        GroundingInferencer(config(), 'gone.pth')
    with pytest.raises(FileNotFoundError, match=r'gone\.py'):
        GroundingInferencer('gone.py', checkpoint)


@pytest.fixture
def with_broken(photos):
    """The folder of three pictures, the second of which is cut off."""
    path = photos / '1.png'
    path.write_bytes(path.read_bytes()[:200])
    return photos


@pytest.mark.parametrize('batch_size', [1, 2])
def test_a_broken_picture_loses_no_answer_of_the_others(grounding, with_broken, batch_size, tmp_path):
    result = grounding(with_broken, TEXTS, batch_size=batch_size, img_out_dir=tmp_path, pred_out_dir=tmp_path)
    first, broken, last = result['predictions']
    assert [first['text'], last['text']] == [text.replace('[', '').replace(']', '') for text in TEXTS[::2]]
    assert broken.keys() == {'image', 'error'} and broken['image'] == str(with_broken / '1.png')
    assert 'Cannot read image' in grounding.describe(broken)
    assert json.loads((tmp_path / 'predictions.json').read_text()) == result['predictions']
    assert sorted(path.name for path in tmp_path.glob('*.jpg')) == ['00000_0.jpg', '00002_2.jpg']
    (alone,) = grounding(with_broken / '2.png', TEXTS[2])['predictions']
    assert torch.allclose(boxes_of(alone), boxes_of(last), atol=1e-3)


def test_retrieval_goes_on_without_a_broken_picture(config, checkpoint, with_broken):
    retrieval = RetrievalInferencer(config(), checkpoint, 'cpu', show_progress=False)
    (prediction,) = retrieval(with_broken, 'a red circle')['predictions']
    assert {Path(found['image']).name for found in prediction['found']} == {'0.png', '2.png'}
    zero, one, two = retrieval(with_broken, ['a circle', 'a star'], direction='i2t')['predictions']
    assert [Path(zero['image']).name, Path(two['image']).name] == ['0.png', '2.png']
    assert one['image'].endswith('1.png') and 'Cannot read image' in one['error']


def test_bad_pictures_are_named(grounding, photos, tmp_path):
    with pytest.raises(UnreadableImageError, match=r'gone\.jpg'):
        grounding('gone.jpg', TEXTS[0])
    cut = tmp_path / 'cut.png'
    cut.write_bytes((photos / '0.png').read_bytes()[:200])
    with pytest.raises(UnreadableImageError, match=r'cut\.png'):
        grounding(cut, TEXTS[0])
    (tmp_path / 'empty').mkdir()
    for picture, said in [
        ('https://example.org/a.jpg', 'web address'),
        (np.zeros((4, 4), np.uint8), r'must be \(H, W, 3\)'),
        (np.zeros((4, 4, 3), np.float32), 'uint8'),
        ([], 'no picture'),
        (tmp_path / 'empty', 'no picture in'),
    ]:
        with pytest.raises(ValueError, match=said):
            grounding(picture, TEXTS[0])
    with pytest.raises(TypeError, match='not int'):
        grounding(7, TEXTS[0])


def test_wrong_grounding_arguments_are_told(grounding, photos):
    with pytest.raises(ValueError, match='2 texts for 3 pictures'):
        grounding(photos, TEXTS[:2])
    with pytest.raises(ValueError, match="'words' or 'noun_phrases'"):
        grounding(photos, TEXTS, find='verbs')
    with pytest.raises(ValueError, match='unknown argument'):
        grounding(photos, TEXTS, colour='red')


def test_pil_images_of_any_mode_are_read():
    image = Image.new('RGBA', (4, 2), (255, 0, 0, 0))
    assert read_picture(image).tolist() == [[[255, 255, 255]] * 4] * 2


def test_the_size_of_pictures_is_found():
    resize = [dict(type='LoadImage'), dict(type='ResizeImage', size=[20, 30]), dict(type='PackPairs')]
    nested = [dict(type='LoadCachedFeatures', store='s', transforms=resize)]
    assert picture_size(Config(dict(test_dataloader=dict(a=dict(dataset=dict(pipeline=nested)))))) == (20, 30)
    assert picture_size(Config(dict(train_dataloader=dict(dataset=dict(pipeline=resize)), image_size=7))) == (20, 30)
    assert picture_size(Config(dict(image_size=7))) == (7, 7)
    with pytest.raises(ValueError, match='size of pictures'):
        picture_size(Config(dict()))
