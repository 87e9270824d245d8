"""What the log tells of the locator, by hand and in a run."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from support.engine import histories
from support.shrink import shrink
from support.toy import build_toy_slan, toy_batch, toy_losses

from slan_mm.engine.hooks import LocatorDiagnosticsHook
from slan_mm.engine.launch import build_runner

CONFIG = Path(__file__).parents[2] / 'configs/pretrain/slan_tiny_shapes.py'


def logged(model, *batches):
    """What the hook adds to the log of each batch."""
    hook = LocatorDiagnosticsHook()
    hook.before_train(SimpleNamespace(model=model))
    logs = []
    for batch in batches:
        toy_losses(model, batch)
        logs.append({})
        hook.after_train_iter(None, 0, None, logs[-1])
    hook.after_train(None)
    return logs


@torch.no_grad()
def test_diagnostics_by_hand():
    model = build_toy_slan(locator__region_filter=dict(type='RegionFilter', top=6, threshold=0.7))
    batch = toy_batch()
    [log] = logged(model, batch)
    data = model.data_preprocessor(batch)
    located = model.locate(
        model.encode_image(data['inputs']), model.encode_text([sample.text for sample in data['data_samples']])
    )
    assert 4 < located.region_mask.sum() < 24
    assert log['kept_share'].item() == pytest.approx(located.region_mask.sum().item() / (4 * 13))
    ious, sides, moves = [], [], []
    for p in range(4):
        kept = [tuple(box.tolist()) for box in located.boxes[-1][p][located.region_mask[p]]]
        before = located.boxes[-2][p][located.region_mask[p]].tolist()
        sides += [(w * h) ** 0.5 for _, _, w, h in kept]
        moves += [((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 for a, b in zip(kept, before, strict=True)]
        for i, (ax, ay, aw, ah) in enumerate(kept):
            for j, (bx, by, bw, bh) in enumerate(kept):
                if i != j:
                    x = min(ax + aw / 2, bx + bw / 2) - max(ax - aw / 2, bx - bw / 2)
                    y = min(ay + ah / 2, by + bh / 2) - max(ay - ah / 2, by - bh / 2)
                    inter = max(x, 0) * max(y, 0)
                    ious.append(inter / (aw * ah + bw * bh - inter))
    assert log['pairwise_iou'].item() == pytest.approx(sum(ious) / len(ious), rel=1e-4)
    assert log['side_2'].item() == pytest.approx(sum(sides) / len(sides), rel=1e-4)
    assert log['move_2'].item() == pytest.approx(sum(moves) / len(moves), rel=1e-4)
    assert log['itc_temperature'].item() == pytest.approx(0.07)


def test_diagnostics_are_no_losses_and_have_no_gradient():
    model = build_toy_slan()
    [log] = logged(model, toy_batch())
    assert not any('loss' in name for name in log) and not any(value.requires_grad for value in log.values())
    assert log.keys().isdisjoint(toy_losses(model, toy_batch()))


def test_nothing_is_logged_before_the_locator_starts_nor_without_an_objective():
    first, second = logged(build_toy_slan(objective__locator_start=1), toy_batch(), toy_batch())
    assert first == {} and 'kept_share' in second
    hook, log = LocatorDiagnosticsHook(), {}
    hook.before_train(SimpleNamespace(model=torch.nn.Linear(2, 2)))
    hook.after_train_iter(None, 0, None, log)
    hook.after_train(None)
    assert log == {}


def test_another_contrastive_loss_need_have_no_temperature():
    model = build_toy_slan()
    similarity = model.objective.itc.similarity

    class Plain(torch.nn.Module):
        def forward(self, image, text, *given):
            return image.sum() * 0.0

        def similarity(self, image, text):
            return similarity(image, text)

    model.objective.itc = Plain()
    [log] = logged(model, toy_batch())
    assert 'itc_temperature' not in log and 'kept_share' in log


def test_a_run_logs_them(tmp_path):
    cfg = shrink(Config.fromfile(CONFIG))
    changes = {'work_dir': str(tmp_path), 'train_cfg.max_iters': 2, 'model.objective.locator_start': 1}
    cfg.merge_from_dict({**changes, 'experiment_name': tmp_path.name, 'val_cfg': None})
    cfg.val_dataloader = cfg.val_evaluator = None
    runner = build_runner(cfg)
    runner.train()
    found = histories(runner)
    assert len(found['train/loss_itc']) == 2 and len(found['train/pairwise_iou']) == len(found['train/side_1']) == 1
