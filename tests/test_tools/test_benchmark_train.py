"""tools/analysis/benchmark_train.py: that its steps have the losses that their names tell; no time is tested."""

from pathlib import Path

import pytest
from support.toy import build_toy_slan, toy_batch, toy_config, toy_losses

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools/analysis'))


def test_steps_have_their_losses_and_share_all_weights():
    from benchmark_train import STEPS, with_losses

    model = build_toy_slan()
    own, learned = model.objective, {id(p) for p in model.parameters()}
    alike = {'loss_itc', 'loss_itm'}
    words = {'loss_region_word_lexical', 'loss_region_word_contextual'}
    expected = {
        'SLAN, ITC + ITM': alike,
        '+ region-word': alike | words,
        '+ L_reg': alike | words | {'loss_reg'},
        '+ LM': alike | words | {'loss_reg', 'loss_lm'},
    }
    assert {'BLIP', *expected} == STEPS.keys()
    variants = {name: with_losses(model, toy_config()['objective'], STEPS[name]) for name in expected}
    for name, losses in expected.items():
        model.objective = variants[name]
        values = toy_losses(model, toy_batch())
        assert {key for key, value in values.items() if key in expected['+ LM'] and value != 0} == losses
        assert model.objective.itm_head is own.itm_head
        new = [key for key, p in model.named_parameters() if id(p) not in learned]
        # How terms are mixed depends on how many there are.
        assert all(key.startswith('objective.mixer.') for key in new)
