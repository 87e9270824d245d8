from mmengine.config import ConfigDict

from slan_mm.engine.start_losses import start_losses


def test_late_losses_begin_together():
    model = ConfigDict(type='SLAN', objective=dict(itm_start=200, locator_start=900, hardness=0.4))
    start_losses(model, 3)
    assert model.objective == dict(itm_start=3, locator_start=3, hardness=0.4)
    start_losses(model)
    assert model.objective.itm_start == model.objective.locator_start == 0


def test_models_without_objective_stay_as_they_are():
    model = ConfigDict(type='SLANDetector')
    start_losses(model)
    assert model == dict(type='SLANDetector')
