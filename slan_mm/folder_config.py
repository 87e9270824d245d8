"""The ``config.json`` of a model's folder, read as data that may come from anyone.

It is JSON: nothing of it is run, no other file is included, no variable of the environment is filled in. What it says
is checked before anything is built: a ``type`` must be a name that is registered, so none can import or call what it
likes; no text may lead to the network, out of the folder, or to a file that could hold a pickle. A folder that breaks
a rule is refused whole.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry

from slan_mm import model_folder
from slan_mm.plain_text import short
from slan_mm.registry import LazyRegistry
from slan_mm.text_files import read_json

#: The parts of a config that a model and its test need.
PARTS = (
    'default_scope',
    'image_size',
    'model',
    'test_cfg',
    'test_dataloader',
    'test_evaluator',
    'runner_type',
    'default_hooks',
    'visualizer',
    'log_processor',
    'env_cfg',
    'randomness',
    'log_level',
)
#: What ``runner_type``, ``default_hooks``, ``visualizer`` and ``log_processor`` may have: these write files and run
#: whatever the model is.
RUNTIME = {
    'ResumableRunner',
    'RuntimeInfoHook',
    'IterTimerHook',
    'ThroughputHook',
    'RankMeanHook',
    'LoggerHook',
    'IterLoggerHook',
    'ParamSchedulerHook',
    'DistSamplerSeedHook',
    'RunRecordHook',
    'MetricsTableHook',
    'RegionFigureHook',
    'mmdet.DetVisualizationHook',
    'LogProcessor',
    'Visualizer',
    'mmdet.DetLocalVisualizer',
    'LocalVisBackend',
    'TensorboardVisBackend',
}
_RUNTIME_PARTS = ('runner_type', 'default_hooks', 'visualizer', 'log_processor', 'env_cfg', 'randomness', 'log_level')
#: The folder itself, at the beginning of a path of the model: MMEngine's word for the folder of a config.
HERE = '{{ fileDirname }}'
#: The libraries whose names may stand in a config, and the kinds of their registries that may.
_LIBRARIES = ('slan_mm', 'mmengine', 'mmdet', 'mmpretrain')
_KINDS = (
    'model',
    'task util',
    'tokenizer',
    'transform',
    'dataset',
    'data sampler',
    'metric',
    'evaluator',
    'loop',
    'function',
)
#: Where classes are registered, too, that fetch models of a hub by name; and what is none of these.
_FETCHING = ('transformers.', 'mmpretrain.models.')
_OWN_LAYERS = tuple(f'mmpretrain.models.{part}.' for part in ('backbones', 'necks', 'heads', 'losses'))
#: Settings of weights from elsewhere: the folder has all weights.
SOURCES = ('init_cfg', 'pretrained', 'checkpoint', 'checkpoint_path', 'backbone_checkpoint')
_PICKLES = ('.pkl', '.pickle', '.pth', '.pt', '.bin', '.ckpt', '.joblib', '.npy', '.npz', '.py', '.so')
#: Beginnings by which timm and others name models of a hub, or folders.
_FETCHED = ('hf-hub:', 'hf_hub:', 'local-dir:')
_DEEPEST = 60


def read_folder_config(folder: Path) -> Config:
    """The config of a model's folder; its ``load_from`` names the folder's weights.

    Raises:
        ValueError: It is no config of a folder, or breaks a rule above; the message says where.
    """
    path = folder / model_folder.CONFIG
    parts = read_json(path)
    try:
        check_parts(parts)
    except ValueError as error:
        raise ValueError(f'{path} is refused: {error}') from None
    parts = _placed(parts, str(folder.resolve()))
    return Config({**parts, 'load_from': str(folder / model_folder.WEIGHTS)}, filename=str(path))


def check_parts(parts: Any) -> None:
    """Checks that ``parts`` may be the content of a ``config.json``.

    Raises:
        ValueError: They may not.
    """
    if not isinstance(parts, dict) or not isinstance(parts.get('model'), dict):
        raise ValueError('it is no config of a model: an object with "model" in it')
    if unknown := sorted(set(parts) - set(PARTS)):
        raise ValueError(f'it has {", ".join(map(short, unknown))}; its parts may be {", ".join(PARTS)}')
    if parts.get('default_scope', 'slan_mm') != 'slan_mm':
        raise ValueError('default_scope must be slan_mm')
    for place, key, value in _settings(parts, '', 0):
        if key == 'type' or place == 'runner_type':
            _check_type(place, value)
        elif isinstance(value, str):
            _check_text(place, value)
        elif key == 'trust_remote_code' and value:
            raise ValueError(f'{place}: code of a model is never run')
        if key in SOURCES and value and place.startswith('model.'):
            raise ValueError(f'{place}: all weights are in {model_folder.WEIGHTS}, none are read from elsewhere')
        if key == 'local_files_only' and value is not True:
            raise ValueError(f'{place} must be true: nothing is fetched')


def _settings(value: Any, place: str, depth: int) -> Iterator[tuple[str, Any, Any]]:
    """Place, key and value of all settings, those in lists among them."""
    if depth > _DEEPEST:
        raise ValueError(f'{short(place)}: nested too deep')
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, item in items:
        here = f'{place}.{key}' if place else str(key)
        if isinstance(key, str) and key.startswith('_'):
            raise ValueError(f'{short(here)}: names that begin with _ steer how configs are read')
        yield here, key, item
        if isinstance(item, Mapping | list):
            yield from _settings(item, here, depth + 1)


def _check_type(place: str, kind: Any) -> None:
    if place.split('.')[0] in _RUNTIME_PARTS:
        known = isinstance(kind, str) and kind.removeprefix('slan_mm.') in RUNTIME
    else:
        known = isinstance(kind, str) and is_registered(kind)
    if not known:
        raise ValueError(
            f'{place}: {short(kind)} is no component that a folder may name: a registered one of '
            f'{", ".join(_LIBRARIES)} that fetches nothing'
        )


def is_registered(name: str) -> bool:
    """Whether ``name`` is registered under the scope of an OpenMMLab library, and fetches no model.

    MMEngine would import, and call, anything else that a dotted name leads to.
    """
    scope, _, own = name.rpartition('.')
    if not own.isidentifier() or scope not in ('', *_LIBRARIES):
        return False
    for library in [scope] if scope else ['slan_mm', 'mmengine']:
        found = vars(import_module(f'{library}.registry')).values()
        registries = [one for one in found if isinstance(one, Registry) and one.name in _KINDS]
        # What is asked of a library is a part of a model nearly always; its other packages take a second to import.
        for registry in sorted(registries, key=lambda one: _KINDS.index(one.name)):
            registry.import_from_location()
            if isinstance(registry, LazyRegistry):
                registry.load(own)
            if own in registry.module_dict:
                module = registry.module_dict[own].__module__
                return module.startswith(_OWN_LAYERS) or not module.startswith(_FETCHING)
    return False


def _check_text(place: str, text: str) -> None:
    path = PurePosixPath(text.removeprefix(f'{HERE}/'))
    if '://' in text or text.startswith(_FETCHED):
        raise ValueError(f'{place}: {short(text)} leads to the network, or to another model')
    if path.is_absolute() or text.startswith('~') or '..' in path.parts or '\\' in text or '\0' in text:
        raise ValueError(f'{place}: {short(text)} leads out of the folder, and of the folder that a command runs in')
    if path.suffix.lower() in _PICKLES:
        raise ValueError(f'{place}: {short(text)} may hold code: such files are not read')
    inside = text.startswith(f'{HERE}/') and place.startswith('model.')
    if '{{' in text.removeprefix(HERE if inside else ''):
        raise ValueError(f'{place}: {short(text)} would be filled in; only paths of the model may begin with {HERE}')
    key = place.rsplit('.', 1)[-1]
    if place.startswith('model.') and not inside and (key in ('model', 'tokenizer') or 'name_or_path' in key):
        raise ValueError(f'{place}: {short(text)} is read from elsewhere; it must begin with {HERE}/')


def _placed(value: Any, folder: str) -> Any:
    """``value`` with ``folder`` in the place of :data:`HERE`."""
    if isinstance(value, Mapping):
        return {key: _placed(item, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_placed(item, folder) for item in value]
    return value.replace(HERE, folder, 1) if isinstance(value, str) and value.startswith(f'{HERE}/') else value
