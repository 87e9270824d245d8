"""Refuses images that are not normalised, whose features would be meaningless."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def refuse_raw_pixels(pictures: Tensor, preprocessor: nn.Module) -> None:
    """Refuses images (..., 3, H, W) that are pixels of 0 to 255 as they are.

    An image is refused if no value is below 0 and one is above normalised white, by the ``mean`` and ``std`` of the
    ``preprocessor``. Without these nothing is checked.

    Raises:
        ValueError: See above.
    """
    mean, std = getattr(preprocessor, 'mean', None), getattr(preprocessor, 'std', None)
    if mean is None or std is None or torch.compiler.is_compiling() or not pictures.numel():
        return
    if pictures.is_floating_point():
        low, high = torch.aminmax(pictures)
        try:
            raw = bool((low >= 0) & (high > ((255 - mean) / std).max() + 1e-3))
        except RuntimeError:  # shapes alone, without values, as a count of operations runs on
            return
    else:
        raw = True
    if raw:
        raise ValueError(
            f'encode_image takes normalised pictures; these are {pictures.dtype} and look like pixels of 0 to 255. '
            "Give them to model.data_preprocessor(dict(inputs=...))['inputs'] first, or the files to embed_images."
        )
