"""Runner, loops, hooks, samplers, checkpoints."""

import lazy_loader

from slan_mm.engine.checkpoint_io import register_strict_loaders

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# Whatever of this package is imported, MMEngine then reads checkpoints without running their code.
register_strict_loaders()
