"""From a collated batch to the model's input."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from slan_mm.registry import MODELS


@MODELS.register_module()
class PairDataPreprocessor(BaseDataPreprocessor):
    """Stacks a batch's images, moves them to the model's device and normalises them.

    Args:
        mean, std: Of the three channels, in RGB order and units of 0-255.

    Input: ``inputs``, a list of uint8 (3, H, W) RGB tensors of one size, or of sequences (F, 3, H, W) of images; and
    ``data_samples``, a list, None or left out. Output: the same keys, ``inputs`` as (B, 3, H, W) or (B, F, 3, H, W)
    float. Inputs that are no tensors, such as stored features, make the batch themselves by their ``collate(inputs,
    preprocessor)``, for an image encoder that takes it.
    """

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
    ) -> None:
        super().__init__()
        self.register_buffer('mean', torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Raises ``ValueError``, naming a sample, when images differ in size: the pipeline has to resize them."""
        data = self.cast_data(data)
        inputs, samples = data['inputs'], data.get('data_samples')
        if others := [item for item in inputs if not isinstance(item, Tensor)]:
            return dict(inputs=others[0].collate(inputs, self), data_samples=samples)
        self._check_sizes(inputs, samples)
        return dict(inputs=(torch.stack(list(inputs)).float() - self.mean) / self.std, data_samples=samples)

    def _check_sizes(self, inputs: Sequence[Tensor], samples: Sequence | None) -> None:
        for number, picture in enumerate(inputs):
            if picture.shape != inputs[0].shape:
                name = number if samples is None else samples[number].get('sample_id')
                raise ValueError(
                    f'sample {name} is {tuple(picture.shape)}, the first of its batch '
                    f'{tuple(inputs[0].shape)}: pictures of a batch must have one size; add a resize to the pipeline'
                )
