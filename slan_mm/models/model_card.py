"""The card of a model: what is known of it, from the record of its run. Nothing else."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from huggingface_hub import ModelCard, ModelCardData
from mmengine.config import Config

from slan_mm.home_folder import expanded
from slan_mm.version import __version__

if TYPE_CHECKING:
    from slan_mm.models.hub import HubModel

UNKNOWN = 'unknown'
#: The folders of a path of some machine, up to its last name.
_FOLDERS = re.compile(r'(?<![\w.:/~-])/(?:[^\s\'"=,:\]/]+/)+')
#: Rows of the card, by their names in the record.
_TRAINING = {
    'data': 'data',
    'config': 'config',
    'command': 'command',
    'commit': 'commit of the code',
    'started_from': 'started from',
    'seed': 'seed',
    'steps': 'iterations',
    'train_seconds': 'seconds of training',
    'device': 'device',
    'torch': 'torch',
}
_TOWER = {'side': '', 'model': 'tower', 'weights': 'weights it started from', 'frozen': 'frozen', 'license': 'licence'}


def complete_record(model: HubModel) -> dict[str, Any]:
    """The record of ``model``, with what its config tells of data and towers, and without paths of a machine."""
    record = dict(model.record or {})
    cfg = model.cfg or Config()
    if 'towers' not in record:
        record['towers'] = [_tower(model, cfg, side) for side in ('image', 'text')]
    if cfg.get('train_dataloader'):
        record.setdefault('data', ', '.join(dict.fromkeys(_datasets(cfg.train_dataloader))))
        record.setdefault('started_from', Path(cfg.load_from).name if cfg.get('load_from') else 'no other training')
    record.setdefault('parameters', sum(value.numel() for value in model.parameters()))  # type: ignore[attr-defined]
    return _without_folders(record)


def _datasets(value: Any) -> Iterator[str]:
    """Class and file of each data set in a data loader's config."""
    if isinstance(value, Mapping):
        inner = [value[name] for name in ('dataset', 'datasets') if name in value]
        if not inner and 'type' in value:
            file = f' ({Path(str(value["ann_file"])).name})' if value.get('ann_file') else ''
            yield f'{value["type"]}{file}'
        value = inner
    for item in value if isinstance(value, list | tuple) else ():
        yield from _datasets(item)


def _tower(model: Any, cfg: Config, side: str) -> dict[str, Any]:
    """What is known of the 'image' or 'text' tower."""
    encoder = getattr(model, f'{side}_branch').encoder
    config = cfg.model[side].encoder
    backbone = config.get('backbone') or {}
    source = getattr(encoder, 'source', None)
    inner = getattr(encoder.backbone, 'model', encoder.backbone)
    name = backbone.get('model_name') or type(inner).__name__
    return {
        'side': side,
        'model': name,
        'weights': 'random' if source is None else Path(source).name,
        'frozen': bool(config.get('frozen')),
        'license': 'that of these weights' if source is None else _licence(source, encoder.backbone) or UNKNOWN,
    }


def _licence(source: str, backbone: Any) -> str | None:
    """What the card beside a tower's weights says, or timm of a model that it has itself fetched."""
    card = expanded(source) / 'README.md'
    if card.is_file():
        front = re.match(r'---\n(.*?)\n---', card.read_text(encoding='utf-8', errors='replace'), re.DOTALL)
        try:
            told = yaml.safe_load(front[1]) if front else None
        except yaml.YAMLError:
            told = None
        if isinstance(told, dict) and told.get('license'):
            return str(told['license'])
    facts = getattr(getattr(backbone, 'timm_model', None), 'pretrained_cfg', None) or {}
    return facts.get('license')


def _without_folders(value: Any) -> Any:
    """``value`` with the last name alone of each path from a machine's root."""
    if isinstance(value, Mapping):
        return {key: _without_folders(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folders(item) for item in value]
    return _FOLDERS.sub('', value) if isinstance(value, str) else value


def _cell(value: Any) -> str:
    return UNKNOWN if value is None or value == '' else ' '.join(str(value).replace('|', '/').split())


def _table(header: list[str], rows: list[list[Any]]) -> str:
    lines = [header, ['---'] * len(header), *([_cell(value) for value in row] for row in rows)]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def model_card(model: HubModel, license: str | None = None) -> ModelCard:
    """The card of ``model``; ``license`` is that of its weights."""
    record, kind = complete_record(model), type(model)
    parameters = _cell(record['parameters'])
    data = ModelCardData(library_name='slan_mm', license=license, tags=['vision-language', 'openmmlab'])
    towers = [tower for tower in record.get('towers') or [] if isinstance(tower, dict)]
    told = record.get('test')
    test: dict[str, Any] = told if isinstance(told, dict) else {}
    results = _table(
        ['metric', 'value'],
        [[name, round(value, 4)] for name, value in sorted(test.items()) if isinstance(value, int | float)],
    )
    text = f"""---
{data.to_yaml()}
---
# {kind.__name__} of slan_mm

{(inspect.getdoc(kind) or '').splitlines()[0]}

Licence of these weights: {license or UNKNOWN}. Written by slan_mm {__version__}; parameters: {parameters}.

## Use

```python
from slan_mm.apis import init_model

model = init_model('FOLDER')  # this folder, or user/name of the hub
```

All tools accept the folder instead of CONFIG CHECKPOINT, e.g. `python tools/infer.py TASK FOLDER IMAGES`.

## Meaning of the scores

{kind.scores_mean or UNKNOWN}

## Training

{_table(['', ''], [[name, record.get(key)] for key, name in _TRAINING.items()])}

## Towers

{_table(list(_TOWER.values()), [[tower.get(key) for key in _TOWER] for tower in towers])}

## Results

From the test in the model's own config, with the code of commit {_cell(record.get('tested_commit'))}.

{results if test else 'Not tested, or unknown.'}

## Limits

Unknown: only the results above were measured.
"""
    return ModelCard(text)
