"""The model: encoders, locator, objectives, SLAN that joins them, and the task models with their heads."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
