"""Makes a folder, or a file, to publish from a training checkpoint.

    python tools/model_converters/publish.py CONFIG work_dirs/NAME checkpoints/NAME
    python tools/model_converters/publish.py CONFIG work_dirs/NAME checkpoints/NAME.safetensors

The folder is that of ``save_pretrained`` (docs/hub.md): weights, config, tokenizer, the run's record and a model card.
Of the file, bare weights as safetensors, a metafile tells the same.

Optimizer, schedule, logs and random state are left out. The weights must be exactly those of the config's model.
``checkpoints/NAME.yml`` gets the config, the data, the command, commit, seed, steps and time of the training, the
metrics of its test, all from ``run.json`` beside the checkpoint (``RunRecordHook``; ``--run`` names another), and the
sha256 of the file. Every tool here that reads a checkpoint (``tools/infer.py``, ``tools/test.py``,
``tools/visualize.py``, ``load_from``) reads the file as well.
"""

import argparse
import hashlib
from pathlib import Path
from typing import Any

from slan_mm.arguments import out_file, out_folder
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option


def out_model(value: str) -> Path:
    """A folder, or a .safetensors file, that can be written."""
    return (out_file if value.endswith('.safetensors') else out_folder)(value)


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Makes a file to give away of a training checkpoint.')
    parser.add_argument('config', help='config file of the training')
    parser.add_argument('checkpoint', type=Path, help='its work directory, or a checkpoint in it')
    parser.add_argument(
        'target',
        type=option(out_model),
        help='folder to write; or a .safetensors file, whose metafile goes beside it',
    )
    parser.add_argument('--run', type=Path, help='record of the run (default: run.json beside the checkpoint)')
    parser.add_argument('--command', help='the command that trained it (default: that of the record)')
    parser.add_argument('--license', help="of the weights, for the model card, e.g. 'apache-2.0' (default: unknown)")
    options = parser.parse_args(arguments)
    if options.license and options.target.suffix == '.safetensors':
        parser.error('--license is for the card of a folder')
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import yaml
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from slan_mm.apis.model import load_model
from slan_mm.applied_config import without_feature_stores
from slan_mm.atomic_files import replaced_atomically
from slan_mm.config import read_config
from slan_mm.engine import load_from_file
from slan_mm.engine.checkpoint_io import find_checkpoint
from slan_mm.engine.hooks.run_record_hook import RECORD, config_name
from slan_mm.registry import MODELS
from slan_mm.text_files import read_json
from slan_mm.weights_file import save_weights

#: What a record must tell before its weights are given away.
_NEEDED = ('config', 'command', 'commit', 'seed', 'steps', 'train_seconds', 'test')


def weights_of(checkpoint: Path, cfg: Config) -> dict[str, Tensor]:
    """The weights in a checkpoint, each with memory of its own.

    Raises:
        RuntimeError: They are not those of the config's model.
    """
    state = load_from_file(str(checkpoint))
    state = state.get('state_dict', state)
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    # Strict: with a weight missing, half of the model would be random.
    MODELS.build(without_feature_stores(cfg.model)).load_state_dict(dict(state), strict=True)
    return {name: value.detach().cpu().clone().contiguous() for name, value in state.items()}


def read_run(path: Path, checkpoint: Path, config: str | None, command: str | None = None) -> dict[str, Any]:
    """The record of the run that left ``checkpoint``; ``command`` in place of its own.

    Raises:
        ValueError: There is none, it is of another config, of a run that was not finished or not tested, or its metrics
            are another checkpoint's.
    """
    if not path.is_file():
        raise ValueError(f'{path} is not there: name the record of the run with --run')
    record = read_json(path)
    if not isinstance(record, dict):
        raise ValueError(f'{path} is no record of a run')
    if command is not None:
        record['command'] = command
    missing = [key for key in _NEEDED if record.get(key) is None]
    if missing or not record.get('finished'):
        raise ValueError(f'{path} is of a run that was not finished or tested: it lacks {missing or "its end"}')
    # None: of the last weights, tested when they were trained.
    tested = record.get('test_checkpoint')
    if tested != checkpoint.name and (tested or checkpoint.name.startswith('best_')):
        raise ValueError(
            f'{path} has the metrics of {tested or "the last weights"}, not of {checkpoint.name}: '
            'run tools/test.py on it first'
        )
    if record['config'] != config:
        raise ValueError(f'{path} is of a run of {record["config"]}, not of {config}')
    return record


def metafile(target: Path, record: dict[str, Any], weights: dict[str, Tensor], data: str) -> dict:
    """What the file is, as OpenMMLab's metafiles say it."""
    return {
        'Name': target.stem,
        'Config': record['config'],
        'Weights': target.name,
        'SHA256': hashlib.sha256(target.read_bytes()).hexdigest(),
        'Metadata': {
            'Training Data': data,
            'Parameters': sum(value.numel() for value in weights.values()),
            'Bytes': target.stat().st_size,
            'Command': record['command'],
            'Commit': record['commit'],
            'Seed': record['seed'],
            'Iterations': record['steps'],
            'Training minutes': round(record['train_seconds'] / 60, 1),
        },
        'Results': {name: round(value, 4) for name, value in sorted(record['test'].items())},
    }


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Writes the folder, or weights and metafile."""
    options = parse_options(arguments)
    cfg = read_config(options.config)
    folder = options.checkpoint if options.checkpoint.is_dir() else options.checkpoint.parent
    checkpoint = find_checkpoint(options.checkpoint)
    record = read_run(options.run or folder / RECORD, checkpoint, config_name(options.config), options.command)
    if options.target.suffix != '.safetensors':
        model = load_model(cfg, str(checkpoint), 'cpu')
        model.record = record
        model.save_pretrained(options.target, model_card_kwargs={'license': options.license})
        print(f'{options.target}: a folder with the model, its config, its record and its card')
        return
    weights = weights_of(checkpoint, cfg)
    options.target.parent.mkdir(parents=True, exist_ok=True)
    save_weights(options.target, weights, config=record['config'])
    data = cfg.train_dataloader.dataset.type
    about = metafile(options.target, record, weights, data)
    with replaced_atomically(options.target.with_suffix('.yml')) as temporary:
        temporary.write_text(yaml.safe_dump(about, sort_keys=False))
    print(f'{options.target}: {about["Metadata"]["Bytes"] / 2**20:.1f} MiB, sha256 {about["SHA256"]}')


if __name__ == '__main__':
    main()
