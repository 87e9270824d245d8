from slan_mm.environment import smoke_asked_for


def test_the_environment_asks(monkeypatch):
    for value, asked in ((None, False), ('', False), ('0', False), ('1', True)):
        monkeypatch.delenv('SLAN_SMOKE', raising=False)
        if value is not None:
            monkeypatch.setenv('SLAN_SMOKE', value)
        assert smoke_asked_for() is asked
