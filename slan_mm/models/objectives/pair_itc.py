"""ITC that starts at the temperature of a pre-trained image-text pair."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, PretrainedConfig, PreTrainedModel

from slan_mm.models.objectives.contrastive import ITCLoss
from slan_mm.models.pretrained import load_pretrained, read_config_file
from slan_mm.registry import MODELS

#: The shape of a pair's scale, by its ``model_type``.
_SHAPES: dict[str, tuple[int, ...]] = {'clip': (), 'siglip': (1,), 'siglip2': (1,)}


class _Scale(PreTrainedModel):
    """Of a pair's weights the scale of its cosines alone."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        self.logit_scale = nn.Parameter(torch.zeros(_SHAPES[config.model_type]))


def _read_scale(pretrained: str, local_files_only: bool) -> Tensor:
    """The logarithm of a pair's scale."""
    what = 'temperature of the image-text pair'
    kind = read_config_file(what, pretrained, local_files_only).get('model_type')
    if kind not in _SHAPES:
        raise ValueError(f'{pretrained} is a model of type {kind!r}, and no image-text pair: {", ".join(_SHAPES)}')
    config = AutoConfig.from_pretrained(pretrained, local_files_only=local_files_only, trust_remote_code=False)
    pair = cast('_Scale', load_pretrained(what, pretrained, _Scale, local_files_only, config=config))
    return pair.logit_scale.detach().reshape(())


def _keep_whole(loss: ITCLoss, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """A ``load_state_dict`` pre-hook: no scale that is loaded is cut. SigLIP's is about 117."""
    scale = state_dict.get(f'{prefix}temperature.log_scale')
    if scale is not None:
        loss.temperature.largest = max(loss.temperature.largest, float(scale))


@MODELS.register_module()
class PairITCLoss(ITCLoss):
    """ITC whose logits start as a pair's: cosines times the pair's scale.

    The bias that SigLIP adds to all of its logits is left out: it changes no ranking and no softmax.

    Args:
        pretrained: A hub name or a local folder of the pair; None: a checkpoint brings the scale.
        local_files_only: Never touch the network.
        itc: What :class:`ITCLoss` takes, without ``temperature``.

    Raises:
        OSError: The scale cannot be loaded; the message says what to do.
        ValueError: It is no pair.
    """

    def __init__(
        self, embed_dims: int, pretrained: str | None = None, local_files_only: bool = True, **itc: Any
    ) -> None:
        super().__init__(embed_dims, **itc)
        self.register_load_state_dict_pre_hook(_keep_whole)
        if pretrained is not None:
            scale = {'temperature.log_scale': _read_scale(pretrained, local_files_only)}
            self.load_state_dict(scale, strict=False)
