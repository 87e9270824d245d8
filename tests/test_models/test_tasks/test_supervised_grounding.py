"""Supervised grounding on a toy: what the losses ask for, that they fall, and that samples do not touch each other."""

import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from support.shrink import shrink
from support.toy import build_toy_slan, toy_batch, toy_config, toy_losses, toy_picture, toy_sample

from slan_mm.datasets import ShapesGrounding
from slan_mm.engine.launch import build_runner
from slan_mm.evaluation import GroundingMetric
from slan_mm.models.tasks.supervised_grounding import phrase_objects
from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[3]
TEXT = 'a red circle and a blue square'


def grounder_config(**overrides):
    config = toy_config(**overrides)
    del config['objective']
    return config | dict(type='SLANGrounder', head=dict(score_dims=8))


def build_grounder(seed=0):
    torch.manual_seed(seed)
    return MODELS.build(grounder_config())


def phrase(start, end, *boxes):
    return dict(spans=[[start, end]], boxes=torch.tensor(boxes).reshape(-1, 4).float(), category=None, phrase_id='0')


def small_batch():
    first = [phrase(0, 12, [4, 4, 20, 20]), phrase(17, 30, [30, 10, 60, 40], [0, 0, 10, 10])]
    texts, phrases = (TEXT, 'a green triangle'), (first, [phrase(2, 16)])
    return dict(
        inputs=[toy_picture(0), toy_picture(1)],
        data_samples=[toy_sample(n, texts[n], phrases=phrases[n]) for n in range(2)],
    )


def test_a_shared_box_is_one_object_with_all_its_words():
    words = torch.tensor([[False, True, False, False], [False, False, True, False], [False, False, False, True]])
    box, other = [8.0, 12.0, 24.0, 36.0], [0.0, 0.0, 64.0, 24.0]
    sample = toy_sample(0, phrases=[phrase(0, 1, box), phrase(2, 3, other, box), phrase(4, 5)])
    tokens, target = phrase_objects(list(words), sample, 4, torch.zeros(1))
    found = {
        tuple(box.tolist()): row.nonzero().flatten().tolist() for box, row in zip(target.boxes, tokens, strict=True)
    }
    # 64 wide and 48 high; the phrase without a box asks for nothing.
    assert found == {(0.25, 0.5, 0.25, 0.5): [1, 2], (0.5, 0.25, 1.0, 0.5): [2]}
    assert target.labels.tolist() == [0, 1]


def test_boxes_are_cut_to_the_picture_and_cut_off_phrases_left_out():
    sample = toy_sample(0, phrases=[phrase(0, 1, [-2.0, 0.0, 32.0, 49.0]), phrase(2, 3, [0.0, 0.0, 8.0, 8.0])])
    tokens, target = phrase_objects([torch.tensor([True]), torch.tensor([False])], sample, 1, torch.zeros(1))
    assert target.boxes.tolist() == [[0.25, 0.5, 0.5, 1.0]] and tokens.tolist() == [[True]]


def test_losses_are_on_every_level_and_finite_without_a_box():
    model = build_grounder()
    losses = toy_losses(model, small_batch())
    levels = ('level0', 'level1', 'level2', 'refined')
    assert set(losses) == {
        'loss_cls', 'matched_iou', *(f'loss_{kind}_{level}' for kind in ('bbox', 'iou') for level in levels)
    }  # fmt: skip
    batch = toy_batch([0, 1])
    empty = toy_losses(model, batch)
    assert set(empty) == set(losses) and all(value.isfinite() and value == 0 for value in empty.values())
    sum(empty.values()).backward()


def test_words_without_a_box_are_no_negatives():
    model, batch = build_grounder(), small_batch()
    before = toy_losses(model, copy.deepcopy(batch))['loss_cls']
    batch['data_samples'][0].phrases.append(phrase(13, 16))
    torch.testing.assert_close(toy_losses(model, batch)['loss_cls'], before)


def shapes_batch(count=4):
    dataset = ShapesGrounding(num_images=count, image_size=64)
    return pseudo_collate([dataset[index] for index in range(count)])


def test_overfits_a_fixed_batch():
    model, batch = build_grounder(), shapes_batch()
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    totals = []
    for _ in range(24):
        losses = toy_losses(model, copy.deepcopy(batch))
        total = sum(value for name, value in losses.items() if 'loss' in name)
        optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        totals.append(float(total.detach()))
    assert totals[-1] < 0.5 * totals[0], totals
    assert losses['matched_iou'] > 0.5
    metric = GroundingMetric()
    metric.process(None, [sample.to_dict() for sample in model.eval().val_step(batch)])
    metrics = metric.evaluate(4)
    assert metrics['grounding/R1'] > metrics['grounding/R1_center']
    assert {'grounding/R1_merged', 'grounding/pointing', 'grounding/R1_level2'} <= set(metrics)


def test_the_tiny_config_trains_and_is_evaluated(tmp_path):
    cfg = shrink(Config.fromfile(ROOT / 'configs' / 'grounding' / 'slan_tiny_shapes_grounding.py'))
    cfg.merge_from_dict(
        {'work_dir': str(tmp_path), 'train_cfg.max_iters': 3, 'vis_backends': [], 'visualizer.vis_backends': []}
    )
    cfg.default_hooks.logger.interval = 1
    runner = build_runner(cfg)
    runner.train()
    metrics = runner.test()
    assert {'grounding/R1', 'grounding/R5_merged', 'grounding/small/R1', 'grounding/pointing'} <= set(metrics)
    assert metrics['grounding/num_phrases'] >= 16
    assert (tmp_path / 'iter_3.pth').is_file()


def predictions(model, batch, indices):
    chosen = {key: [copy.deepcopy(values[index]) for index in indices] for key, values in batch.items()}
    return dict(zip(indices, model.val_step(chosen), strict=True))


def test_predictions_depend_on_their_own_sample_alone():
    model, batch = build_grounder().eval(), shapes_batch()
    torch.nn.init.normal_(model.head.word_projection.weight)
    torch.nn.init.normal_(model.head.box_offset.layers[-1].weight)
    together = predictions(model, batch, [0, 1, 2, 3])
    for other in (predictions(model, batch, [3, 1, 0]), predictions(model, batch, [2])):
        for index, sample in other.items():
            for one, same in zip(sample.pred_phrases, together[index].pred_phrases, strict=True):
                for level, expected in zip(one, same, strict=True):
                    torch.testing.assert_close(level['scores'], expected['scores'], atol=1e-5, rtol=1e-4)
                    torch.testing.assert_close(level['boxes'], expected['boxes'], atol=1e-3, rtol=1e-4)


def test_scores_are_probabilities_and_fall():
    model = build_grounder().eval()
    (sample, _) = model.val_step(small_batch())
    for levels in sample.pred_phrases:
        assert len(levels) == 4
        for level in levels:
            assert (level['scores'] >= 0).all() and (level['scores'] <= 1).all()
            assert (level['scores'].diff() <= 0).all()
            assert level['boxes'].shape == (len(level['scores']), 4)


def test_a_pretrained_checkpoint_is_the_zero_shot_grounder():
    """A fresh head ranks and places regions as SLAN does."""
    slan, model = build_toy_slan().eval(), build_grounder(1).eval()
    model.load_state_dict(slan.state_dict())
    expected, found = slan.val_step(small_batch())[0], model.val_step(small_batch())[0]
    for one, other in zip(found.pred_phrases, expected.pred_phrases, strict=True):
        torch.testing.assert_close(one[-1]['boxes'], other[-1]['boxes'], atol=1e-3, rtol=1e-4)


def test_a_checkpoint_of_another_architecture_is_refused():
    model = build_grounder()
    with pytest.raises(ValueError, match='of another architecture than this SLANGrounder'):
        model.load_state_dict(build_toy_slan(itc_dims=5).state_dict())
    with pytest.raises(ValueError, match='no SLANGrounder and no pre-trained SLAN'):
        model.load_state_dict({'backbone.weight': torch.zeros(1)})


def test_unknown_modes_are_refused():
    model = build_grounder()
    with pytest.raises(ValueError, match='mode must be'):
        model(**model.data_preprocessor(small_batch(), False), mode='ground')
    located = model(**model.data_preprocessor(small_batch(), False), mode='tensor')
    assert len(located.boxes) == 3
