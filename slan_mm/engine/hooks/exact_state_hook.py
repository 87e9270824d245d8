"""What a checkpoint of MMEngine lacks for an exact resume, and what keeps it from being read safely."""

from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer

from slan_mm.registry import HOOKS


def _pack_history(buffer: HistoryBuffer) -> dict[str, Any]:
    values, counts = buffer.data
    return {
        'values': torch.from_numpy(np.asarray(values, dtype=np.float64)),
        'counts': torch.from_numpy(np.asarray(counts, dtype=np.float64)),
        'max_length': buffer.max_length,
    }


def _unpack_history(packed: Any) -> Any:
    if isinstance(packed, dict) and packed.keys() == {'values', 'counts', 'max_length'}:
        return HistoryBuffer(packed['values'].cpu().numpy(), packed['counts'].cpu().numpy(), packed['max_length'])
    return packed


def _is_plain(value: Any) -> bool:
    """Whether ``torch.load(weights_only=True)`` reads ``value`` without further permission."""
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value) in (list, tuple) and all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str, bytes) or isinstance(value, torch.Tensor)


@HOOKS.register_module()
class ExactStateHook(Hook):
    """Adds the random states of all ranks and the position in the data to a checkpoint, and makes its logs plain.

    :class:`slan_mm.engine.resume.exact_resume.ExactResume` registers it; a config need not name it. In the checkpoint:
    ``exact_state = dict(random=[state of rank 0, ...], data=dict(position, seed))``; the log scalars of the message
    hub are tensors instead of pickled ``HistoryBuffer`` objects, which ``torch.load(weights_only=True)`` refuses.
    """

    priority = 'VERY_HIGH'

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        loop = runner.train_loop
        data = loop.state_dict(checkpoint['meta']['iter']) if hasattr(loop, 'state_dict') else {}
        checkpoint['exact_state'] = {'random': runner.gathered_random_states, 'data': data}
        hub = checkpoint['message_hub']
        hub['log_scalars'] = {key: _pack_history(buffer) for key, buffer in hub['log_scalars'].items()}
        hub['runtime_info'] = {key: value for key, value in hub['runtime_info'].items() if _is_plain(value)}
        known = hub['log_scalars'].keys() | hub['runtime_info'].keys()
        hub['resumed_keys'] = {key: value for key, value in hub['resumed_keys'].items() if key in known}
        if not _is_plain(checkpoint['meta'].get('dataset_meta')):
            runner.logger.warning("the data set's metainfo holds more than plain values: left out of the checkpoint")
            checkpoint['meta'].pop('dataset_meta')

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        runner.take_exact_state(checkpoint)
        if 'message_hub' in checkpoint:
            hub = checkpoint['message_hub']
            hub['log_scalars'] = {key: _unpack_history(packed) for key, packed in hub['log_scalars'].items()}
