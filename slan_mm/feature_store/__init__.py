"""Outputs of frozen encoders on disk, so that they need not run twice. ``tools/cache_features.py`` fills a store."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
