import copy

import pytest
import torch
from mmdet.models.detectors import BaseDetector
from mmengine.optim import OptimWrapper
from mmengine.runner import load_checkpoint
from support.detection import (
    CLASSES,
    SIZES,
    batch,
    build_toy_detector,
    detector_config,
    picture,
    predict,
    sample,
    stir,
)
from support.toy import build_toy_slan, toy_config, toy_losses

from slan_mm.registry import MODELS


def same(found, other, **tolerance):
    assert found.labels.tolist() == other.labels.tolist()
    torch.testing.assert_close(found.bboxes, other.bboxes, **tolerance)
    torch.testing.assert_close(found.scores, other.scores, **tolerance)


TIGHT = dict(atol=1e-3, rtol=1e-4)


@pytest.fixture
def model():
    return stir(build_toy_detector())


def test_is_a_mmdet_detector(model):
    assert isinstance(model, BaseDetector)
    (first, *_), data = predict(model, batch()), batch()
    answer = model.test_step(data)[0]
    assert answer.img_path == 'toy://0' and 'gt_instances' in answer
    assert set(first.keys()) == {'bboxes', 'scores', 'labels', 'label_names'}
    assert len(first) == 20 and (first.scores[:-1] >= first.scores[1:]).all()
    assert first.scores.min() > 0 and first.scores.max() < 1
    assert first.label_names == [CLASSES[label] for label in first.labels]


def test_boxes_are_in_pixels_of_the_original_picture_and_within_it(model):
    torch.nn.init.normal_(model.head.box_offset.layers[-1].weight, std=2.0)
    for index, found in enumerate(predict(model, batch())):
        height, width = SIZES[index]
        assert found.bboxes.min() >= 0
        assert found.bboxes[:, 0::2].max() <= 2 * width and found.bboxes[:, 1::2].max() <= 2 * height
    data = model.data_preprocessor(batch(), False)
    with torch.no_grad():
        small = model.predict(**{f'batch_{name}': value for name, value in data.items()}, rescale=False)
    for answer, found in zip(small, predict(model, batch()), strict=True):
        torch.testing.assert_close(2 * answer.pred_instances.bboxes, found.bboxes)


def test_neither_padding_nor_company_nor_order_change_an_answer(model):
    together = predict(model, batch((0, 1, 2, 3)))
    for index, found in enumerate(together):
        same(found, predict(model, batch((index,)))[0], **TIGHT)
    for index, found in zip((2, 3, 0, 1), predict(model, batch((2, 3, 0, 1))), strict=True):
        same(found, together[index], **TIGHT)
    # What stands in the padding is never read.
    data = model.data_preprocessor(batch((0, 1)), False)
    data['inputs'][0, :, 32:] = data['inputs'][1, :, 24:] = torch.nan
    with torch.no_grad():
        for answer, found in zip(model.predict(*data.values()), together, strict=False):
            same(answer.pred_instances, found, **TIGHT)


def test_losses_are_those_of_the_pictures_one_by_one(model):
    whole = toy_losses(model, batch((0, 1, 2, 3)))
    counts = [len(sample(index).gt_instances) for index in range(4)]
    for name, value in whole.items():
        alone = [toy_losses(model, batch((index,)))[name] * max(1, count) for index, count in enumerate(counts)]
        torch.testing.assert_close(value, sum(alone) / sum(counts), rtol=1e-4, atol=1e-5)


def test_size_is_made_even_by_the_pictures_own_padding(model):
    model.data_preprocessor.pad_size_divisor = 4
    data = dict(inputs=[picture(0, (30, 27))], data_samples=[sample(0, size=(30, 27))])
    (found,) = predict(model, data)
    assert found.bboxes[:, 0::2].max() <= 54 and found.bboxes[:, 1::2].max() <= 60
    wide = dict(
        inputs=[picture(0, (30, 27)), picture(1, (24, 40))],
        data_samples=[sample(0, size=(30, 27)), sample(1, size=(24, 40))],
    )
    same(predict(model, wide)[0], found, **TIGHT)


def test_overfits_a_fixed_batch():
    model = build_toy_detector().train()
    wrapper = OptimWrapper(torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=4e-3))
    data = dict(inputs=[picture(0), picture(3)], data_samples=[sample(0), sample(3)])
    history = [model.train_step(copy.deepcopy(data), wrapper) for _ in range(20)]
    first, last = history[0], history[-1]
    for name in ('loss', 'loss_cls', 'loss_bbox_refined', 'loss_iou_refined', 'loss_bbox_level0'):
        assert last[name] < 0.8 * first[name], name
    assert last['loss'] < 0.6 * first['loss'] and last['matched_iou'] > 1.2 * first['matched_iou']


def test_a_batch_without_any_object_trains(model):
    found = toy_losses(model.train(), batch((2, 2)))
    assert all(torch.isfinite(value) for value in found.values())
    model.parse_losses(found)[0].backward()
    assert all(value.grad is not None for value in model.parameters() if value.requires_grad)


def test_a_split_prompt_answers_for_all_classes():
    names = ('circle', 'red square', 'star', 'blue cross', 'large pink diamond')
    whole, split = (stir(build_toy_detector(prompt=prompt)) for prompt in (None, dict(max_classes=2)))
    assert len(whole.prompt_parts(names)) == 1 and len(split.prompt_parts(names)) == 3
    found = predict(split, batch((0, 1), names))
    assert {label for answer in found for label in answer.labels.tolist()} >= {1, 2, 3, 4}
    # Each prompt answers as it does alone, and the answers compete by score.
    alone = [predict(split, batch((0, 1), names[start : start + 2])) for start in (0, 2, 4)]
    for row, answer in enumerate(found):
        scores = torch.cat([part[row].scores for part in alone]).sort(descending=True).values
        torch.testing.assert_close(answer.scores, scores[: len(answer)])
    # Boxes teach the prompt that names their class.
    trained = toy_losses(split.train(), batch((0, 1), names))
    assert trained['loss_bbox_refined'] > 0 and torch.isfinite(sum(trained.values()))


def test_1203_classes_run():
    names = tuple(f'{color} {shape} {number}' for number in range(26) for color in COLORS for shape in SHAPES)[:1203]
    model = build_toy_detector(
        text__encoder__max_words=256, text__encoder__model__max_position_embeddings=256, head__max_per_img=300
    )
    (found,) = predict(stir(model), batch((0,), names))
    assert 1 < len(model.prompt_parts(names)) < 100
    assert len(found) == 300 and len(set(found.labels.tolist())) > 20
    assert found.labels.max() > 1000 and found.label_names[0] == names[found.labels[0]]
    model.zero_grad()
    wanted = sample(0, names)
    wanted.gt_instances.labels = torch.tensor([1, 1202])
    log = toy_losses(model.train(), dict(inputs=[picture(0)], data_samples=[wanted]))
    assert torch.isfinite(sum(log.values())) and log['loss_bbox_refined'] > 0


COLORS = ('red', 'orange', 'yellow', 'green', 'cyan', 'blue', 'purple', 'pink')
SHAPES = ('circle', 'square', 'triangle', 'diamond', 'cross', 'star')


def test_pictures_of_a_batch_may_ask_for_different_classes(model):
    mixed = dict(
        inputs=[picture(0), picture(3)],
        data_samples=[sample(0, ('star', 'circle')), sample(3, 'pink cross . blue circle .')],
    )
    first, second = predict(model, mixed)
    assert set(first.label_names) == {'star', 'circle'} and set(second.label_names) == {'pink cross', 'blue circle'}
    same(first, predict(model, batch((0,), ('star', 'circle')))[0], **TIGHT)


def test_where_the_classes_come_from():
    named = stir(build_toy_detector(classes=CLASSES))
    asked = stir(build_toy_detector())
    same(predict(named, batch((0,), None))[0], predict(asked, batch((0,)))[0])
    with pytest.raises(ValueError, match=r'no classes to detect in toy://0.*return_classes'):
        predict(asked, batch((0,), None))
    asked.dataset_meta = dict(classes=CLASSES)
    same(predict(named, batch((0,), None))[0], predict(asked, batch((0,), None))[0])


def test_a_class_list_with_duplicates_is_refused(model):
    with pytest.raises(ValueError, match='duplicates'):
        predict(model, batch((0,), ('star', 'circle', 'star')))
    with pytest.raises(ValueError, match='duplicates'):
        build_toy_detector(classes='star, circle, Star')


def test_the_filter_keeps_at_most_t_regions():
    few = build_toy_detector(locator__region_filter=dict(type='RegionFilter', top=2, threshold=None))
    assert len(predict(few, batch((0,)))[0]) == 2 * len(CLASSES)


def test_no_class_token_no_word():
    model = build_toy_detector()
    text, (token_map,) = model.encode_prompts(model.prompt_parts(CLASSES))
    assert torch.equal(text.word_mask[0], token_map.any(0))
    assert text.mask[0].sum() > text.word_mask[0].sum() == 4


def test_tensor_mode_gives_the_heads_outputs(model):
    data = model.data_preprocessor(batch((0, 3)), False)
    (outputs,) = model(**data, mode='tensor')
    assert outputs.logits.shape[:2] == (2, 13) and [b.shape for b in outputs.boxes] == [(2, 13, 4)] * 4
    model.classes = CLASSES
    assert len(model(data['inputs'])) == 1


class TestCheckpoints:
    """What a detector takes for its weights, and what it refuses."""

    def pretrained(self, **overrides):
        return build_toy_slan(3, toy_config(text__encoder__max_words=32, **overrides)).state_dict()

    def load(self, tmp_path, state):
        torch.save(dict(state_dict=state), tmp_path / 'state.pth')
        load_checkpoint(build_toy_detector(), str(tmp_path / 'state.pth'))

    @pytest.mark.parametrize('strict', [True, False])
    def test_pretrained_is_zero_shot(self, strict):
        state = self.pretrained()
        assert any(name.startswith('objective.') for name in state)
        model = build_toy_detector()
        model.load_state_dict(state, strict=strict)
        for name, value in model.state_dict().items():
            if not name.startswith('head.'):
                assert torch.equal(value, state[name]), name
        assert model.head.word_projection.weight.abs().max() == 0

    def test_pretraining_with_fixed_boxes_gets_a_head_that_moves_none(self):
        config = toy_config(text__encoder__max_words=32)
        config['image']['detector']['learn_boxes'] = False
        torch.manual_seed(3)
        source = MODELS.build(config).eval()
        torch.manual_seed(0)
        model = MODELS.build(detector_config()).eval()
        model.load_state_dict(source.state_dict())
        picture = torch.randn(1, 3, 32, 32)
        with torch.no_grad():
            torch.testing.assert_close(model.encode_image(picture).boxes, source.encode_image(picture).boxes)

    def test_own_checkpoint_brings_its_head(self, model):
        fresh = build_toy_detector(seed=4)
        fresh.load_state_dict(model.state_dict())
        assert torch.equal(fresh.head.word_projection.weight, model.head.word_projection.weight)

    def test_another_size_is_refused(self, tmp_path):
        state = self.pretrained(space_dims=dict(lexical=8, contextual=11))
        # MMEngine's loader would only warn and leave the weights random.
        with pytest.raises(ValueError, match=r'another architecture.*image_branch\.spaces\.lexical'):
            self.load(tmp_path, state)

    def test_another_depth_is_refused(self, tmp_path):
        config = toy_config(text__encoder__max_words=32)
        config['locator']['adaptors'].pop()
        state = build_toy_slan(3, config).state_dict()
        with pytest.raises(ValueError, match=r'another architecture.*lacks \d+ of .*locator\.adaptors\.1'):
            self.load(tmp_path, state)

    def test_another_model_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match='no SLANDetector and no pre-trained SLAN'):
            self.load(tmp_path, {'backbone.conv1.weight': torch.ones(1)})
