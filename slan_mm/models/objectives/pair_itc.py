"""ITC that starts at the temperature of a pre-trained image-text pair."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from transformers import AutoConfig, PretrainedConfig, PreTrainedModel

from slan_mm.models.objectives.contrastive import ITCLoss
from slan_mm.models.pretrained import load_pretrained, read_config_file
from slan_mm.registry import MODELS

#: The shape of a pair's scale, by its ``model_type``.
_SHAPES: dict[str, tuple[int, ...]] = {'clip': (), 'siglip': (1,)}


class _Scale(PreTrainedModel):
    """Of a pair's weights the scale of its cosines alone."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        self.logit_scale = nn.Parameter(torch.zeros(_SHAPES[config.model_type]))


@MODELS.register_module()
class PairITCLoss(ITCLoss):
    """ITC whose logits start as a pair's: cosines times the pair's scale.

    The bias that SigLIP adds to all of its logits is left out: it changes no ranking and no softmax.

    Args:
        model: A hub name or a local folder of the pair.
        local_files_only: Never touch the network.
        itc: What :class:`ITCLoss` takes, without ``temperature``.

    Raises:
        OSError: The scale cannot be loaded; the message says what to do.
        ValueError: It is no pair.
    """

    def __init__(self, embed_dims: int, model: str, local_files_only: bool = True, **itc: Any) -> None:
        super().__init__(embed_dims, **itc)
        what = 'temperature of the image-text pair'
        kind = read_config_file(what, model, local_files_only).get('model_type')
        if kind not in _SHAPES:
            raise ValueError(f'{model} is a model of type {kind!r}, and no image-text pair: {", ".join(_SHAPES)}')
        config = AutoConfig.from_pretrained(model, local_files_only=local_files_only, trust_remote_code=False)
        pair = cast('_Scale', load_pretrained(what, model, _Scale, local_files_only, config=config))
        scale = float(pair.logit_scale.detach())
        with torch.no_grad():
            self.temperature.log_scale.fill_(scale)
        # SigLIP's is about 117.
        self.temperature.largest = max(self.temperature.largest, scale)
