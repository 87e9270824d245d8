"""Mixed precision on a CPU."""

import torch
from support.engine import toy_config

from slan_mm.engine.launch import build_runner, enable_amp


def test_the_forward_pass_runs_in_bfloat16_and_the_weights_stay_float32(tmp_path):
    cfg = toy_config(tmp_path, 2)
    enable_amp(cfg)
    runner = build_runner(cfg)
    seen = []
    runner.model.layer.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    before = runner.model.layer.weight.clone()
    runner.train()
    assert seen[0] == torch.bfloat16
    assert runner.model.layer.weight.dtype == torch.float32
    assert not torch.equal(runner.model.layer.weight, before)
