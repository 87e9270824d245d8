"""Reading encoder weights from a file: safetensors, or a pickle that may hold tensors only."""

from __future__ import annotations

from pathlib import Path

from mmengine.logging import print_log
from torch import Tensor, nn

from slan_mm.home_folder import expanded
from slan_mm.weights_file import read_weights_file

#: Prefixes that checkpoints put before a backbone's own names, or that a wrapper puts before the checkpoint's.
_PREFIXES = ('', 'backbone.', 'module.', 'module.backbone.', 'model.', 'timm_model.', 'image_encoder.backbone.')


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Reads the tensors of a ``.safetensors`` or PyTorch file, unwrapping ``state_dict`` or ``model`` if need be.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds no mapping of names to tensors.
        pickle.UnpicklingError: it holds anything but tensors and plain values.
    """
    path = expanded(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'No weights at {path}. Give the path of a .safetensors or .pth file that is on this machine. '
            'The encoders that configs look for in weights/ come with: bash tools/fetch_weights.sh'
        )
    state = read_weights_file(path, map_location='cpu')
    for key in ('state_dict', 'model'):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f'{path} does not hold a state dict (names and tensors).')
    return state


def _canonical(name: str) -> str:
    # timm flattens 'stages.0' to 'stages_0' when a model is built with features_only.
    # What LoRA stands around keeps its weights as 'base_layer'.
    return name.replace('.base_layer.', '.').replace('.', '_')


def load_backbone(module: nn.Module, path: str | Path) -> tuple[list[str], list[str]]:
    """Loads a checkpoint into a backbone, with the usual prefix of names that fits most of its parameters.

    Names that differ only in a usual prefix or in timm's '.' / '_' spelling are matched.

    Returns:
        The backbone's names that the file lacks, and the file's names that the backbone lacks (its classifier, say).
        Both are logged as well.

    Raises:
        FileNotFoundError, ValueError: see :func:`read_state_dict`.
        ValueError: no name of the file fits the backbone, or a tensor has another shape.
    """
    state = read_state_dict(path)
    own = {_canonical(name): name for name in module.state_dict()}
    best: dict[str, str] = {}
    for cut in _PREFIXES:
        for put in ('', 'timm_model.'):
            match = {}
            for name in state:
                if name.startswith(cut):
                    target = own.get(_canonical(put + name[len(cut) :]))
                    if target is not None:
                        match[target] = name
            if len(match) > len(best):
                best = match
    kind = type(module).__name__
    if not best:
        raise ValueError(
            f'No name in {path} fits the backbone {kind}: the file has {sorted(state)[:3]}..., the backbone '
            f'{sorted(own.values())[:3]}.... Convert the file first (tools/model_converters/).'
        )
    try:
        result = module.load_state_dict({target: state[name] for target, name in best.items()}, strict=False)
    except RuntimeError as error:
        raise ValueError(f'{path} does not fit the backbone {kind}: {error}') from error
    # Batch norm's counter has no bearing on the output, and older files lack it.
    missing = [name for name in result.missing_keys if not name.endswith('num_batches_tracked')]
    unexpected = sorted(set(state) - set(best.values()))
    print_log(
        f'Loaded {len(best)} tensors of {path} into {kind}; missing: {missing or "none"}; '
        f'not used: {unexpected or "none"}',
        logger='current',
    )
    return missing, unexpected
