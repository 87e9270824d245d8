"""Variables of the environment that switch something on."""

import os


def switched_on(name: str) -> bool:
    """Whether a variable is set, to anything but 0 and nothing."""
    return os.environ.get(name, '0') not in ('', '0')
