"""The image side: encoder, vision decoder, pooling of ITC's embedding, smoothing of maps; nothing here reads a text."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
