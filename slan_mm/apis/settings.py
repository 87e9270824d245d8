"""The class of a config's model."""

from collections.abc import Mapping
from difflib import get_close_matches

from mmengine.config import Config
from mmengine.registry import init_default_scope

from slan_mm.config import name_of
from slan_mm.registry import MODELS


def model_class(cfg: Config) -> type:
    """The class of a config's model, which is not built.

    Raises:
        ValueError: The config names none, or there is none of this name.
    """
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    model = cfg.get('model')
    name = model.get('type') if isinstance(model, Mapping) else None
    if not isinstance(name, str | type):
        raise ValueError(f'{name_of(cfg)} has no model with a type: give the config of a model')
    kind = name if isinstance(name, type) else MODELS.get(name)
    if kind is None:
        MODELS.load_all()
        near = get_close_matches(name, MODELS.module_dict, 1)
        raise ValueError(
            f'{name_of(cfg)}: there is no model {name!r}'
            + (f', is {near[0]!r} meant?' if near else '; is its package named in custom_imports?')
        )
    return kind
