"""Variables of the environment that switch something on."""

import os


def switched_on(name: str) -> bool:
    """Whether a variable is set, to anything but 0 and nothing."""
    return os.environ.get(name, '0') not in ('', '0')


def smoke_asked_for() -> bool:
    """Whether every run is to be a smoke run (``SLAN_SMOKE``), see ``slan_mm.engine.smoke``."""
    return switched_on('SLAN_SMOKE')
