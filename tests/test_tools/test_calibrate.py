"""The tool that teaches a model to say that a thing is not there, as a user would run it."""

import runpy
from pathlib import Path

from slan_mm.apis import init_model

ROOT = Path(__file__).parents[2]
SHIPPED = ['configs/pretrain/slan_tiny_shapes_long.py', 'checkpoints/slan_tiny_shapes_long.safetensors']


def test_the_shipped_model_tells_what_is_absent(tmp_path, capsys):
    tool = runpy.run_path(str(ROOT / 'tools/calibrate.py'))
    few = ['--cfg-options', 'val_dataloader.retrieval.dataset.num_images=40']
    tool['main']([*(str(ROOT / name) for name in SHIPPED), '--out', str(tmp_path / 'told'), '--device', 'cpu', *few])
    told = dict(line.split() for line in capsys.readouterr().out.splitlines() if line.startswith('presence/'))
    assert told['presence/num_images'] == '40' and float(told['presence/auroc']) > 0.8
    model = init_model(tmp_path / 'told', device='cpu')
    assert model.presence.calibrated and float(model.presence.scale) > 0
