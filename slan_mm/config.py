"""A config file and the settings that override it."""

import inspect
import logging
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mmengine.config import Config

from slan_mm.folder_config import read_folder_config
from slan_mm.home_folder import expanded
from slan_mm.model_folder import find_model_folder

#: Settings that are gone, and what stands in their place.
_GONE = {
    'model.text.encoder.feature_store': "set model.text.encoder.type='StoredTextEncoder' and its store, and "
    "model.image.encoder.type='StoredImageEncoder' (docs/feature_store.md)",
}


def reason(error: BaseException) -> str:
    """An error's message in one line."""
    # The text of a KeyError is its argument in quotation marks.
    lines = str(error.args[0] if isinstance(error, KeyError) and error.args else error).split('\n')
    return lines[0].strip() or type(error).__name__


def read_config(model: str | Path | Config, cfg_options: Mapping[str, Any] | None = None) -> Config:
    """A config, or a copy of it, with ``cfg_options`` over its settings.

    The folder of a model, or its name on a hub, stands for the config in it, whose ``load_from`` names its weights.

    A setting that is neither in the config nor a parameter of the component around it is taken for a slip when there is
    one of a similar name; otherwise it is new, e.g. a hook, and a warning says so.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: A name of a hub cannot be fetched.
        ValueError: The file is no config; that of a folder is refused (:mod:`slan_mm.folder_config`); an option leads
            through a setting that has no parts, or is a slip; or a setting is gone, then the message says what stands
            in its place.
    """
    if isinstance(model, Config):
        cfg = Config(model._cfg_dict.to_dict())
    elif (folder := find_model_folder(model)) is not None:
        cfg = read_folder_config(folder)
    elif not expanded(model).is_file():
        raise FileNotFoundError(f'no config {model}')
    else:
        try:
            cfg = Config.fromfile(expanded(model))
        except Exception as error:  # a config is Python code
            raise ValueError(f'{model} cannot be read as a config: {type(error).__name__}: {reason(error)}') from error
    for name, value in (cfg_options or {}).items():
        _check_name(cfg, name)
        try:
            cfg.merge_from_dict({name: value})
        except (KeyError, TypeError, IndexError, AssertionError, AttributeError) as error:
            raise ValueError(f'{name}={value} cannot be set in {name_of(cfg)}: {reason(error)}') from error
    for name, remedy in _GONE.items():
        place: Any = cfg._cfg_dict
        for part in name.split('.'):
            place = place.get(part) if isinstance(place, Mapping) else None
        if place is not None:
            raise ValueError(f'{name_of(cfg)}: {name} is gone: {remedy}')
    drop_worker_options(cfg._cfg_dict)
    return cfg


def drop_worker_options(part: Any) -> None:
    """Takes out of data loaders without workers, in place, what PyTorch refuses there: the configs name workers."""
    if isinstance(part, Mapping):
        if 'dataset' in part and not part.get('num_workers'):
            for name in ('persistent_workers', 'prefetch_factor'):
                part.pop(name, None)  # type: ignore[attr-defined]
        for value in part.values():
            drop_worker_options(value)
    elif isinstance(part, list | tuple):
        for value in part:
            drop_worker_options(value)


def name_of(cfg: Config) -> str:
    """What messages call a config."""
    return cfg.filename or 'the config'


def _check_name(cfg: Config, name: str) -> None:
    place: Any = cfg._cfg_dict
    parts = name.split('.')
    for depth, part in enumerate(parts):
        if isinstance(place, list | tuple) and part.isdigit() and int(part) < len(place):
            place = place[int(part)]
        elif isinstance(place, Mapping) and part in place:
            place = place[part]
        elif not isinstance(place, Mapping) or parts[-1] in ('type', '_delete_', '_scope_'):
            return
        else:
            known = {*place, *(_parameters(place.get('type')) if depth else _parameters('Runner'))}
            if part in known:
                return
            around = '.'.join(parts[:depth]) or 'it'
            told = f'{name} is no setting of {name_of(cfg)}: {around} has no {part!r}'
            # Of a part that does not tell its type not all parameters are known: there a slip must be closer.
            if near := get_close_matches(part, sorted(known), 1, 0.65 if not depth or 'type' in place else 0.8):
                raise ValueError(f'{told}; is {near[0]!r} meant?')
            logging.getLogger('slan_mm').warning(f'{told}. It is added.')
            return


def _parameters(kind: Any) -> set[str]:
    """What the component of this type can be given; nothing where there is no such component."""
    # Not above: a config alone is read in no time.
    from mmengine.registry import Registry
    from mmengine.runner import Runner

    from slan_mm import registry

    registries = [value for value in vars(registry).values() if isinstance(value, Registry)]
    if kind == 'Runner':
        found: list[Any] = [Runner]
    else:
        found = [one.get(kind) for one in registries] if isinstance(kind, str) else [kind]
    names = set()
    for component in filter(callable, found):
        for part in component.__mro__[:-1] if isinstance(component, type) else [component]:
            function = vars(part).get('__init__') if isinstance(part, type) else part
            names |= set(inspect.signature(function).parameters) if function is not None else set()
    return names - {'self', 'args', 'kwargs'}
