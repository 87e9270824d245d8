"""Images normalised as a pre-trained image tower was trained with, read from its own folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from slan_mm.models.data_preprocessor import PairDataPreprocessor
from slan_mm.models.pretrained import read_preprocessing
from slan_mm.registry import MODELS


@dataclass(frozen=True)
class TowerPreprocessing:
    """What a tower's ``preprocessor_config.json`` says.

    - ``mean``, ``std``: of the three channels, RGB, in units of 0-255.
    - ``size``: height and width of its images; None where it does not say.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int] | None


def tower_preprocessing(name_or_path: str, local_files_only: bool = True) -> TowerPreprocessing | None:
    """The preprocessing of the tower at a hub name or in a folder; None where it has no ``preprocessor_config.json``.

    Raises:
        OSError: the file cannot be read.
        ValueError: it has no mean or std.
    """
    found = read_preprocessing('preprocessing of the image encoder', name_or_path, local_files_only)
    if found is None:
        return None
    if not all(isinstance(found.get(name), list) and len(found[name]) == 3 for name in ('image_mean', 'image_std')):
        raise ValueError(
            f'preprocessor_config.json of {name_or_path} has no image_mean and image_std of three numbers each'
        )
    white = 1 / found.get('rescale_factor', 1 / 255)
    scaled = [tuple(round(number * white, 4) for number in found[name]) for name in ('image_mean', 'image_std')]
    return TowerPreprocessing(scaled[0], scaled[1], _size(found))


def timm_preprocessing(name: str) -> TowerPreprocessing:
    """The preprocessing of a model of timm, by its name there, with or without the tag of its weights.

    Raises:
        ValueError: timm has no weights of this name.
    """
    import timm

    found = timm.get_pretrained_cfg(name)
    if found is None:
        raise ValueError(
            f'timm has no weights of a model {name!r}, so their preprocessing is unknown: set mean and std'
        )
    scaled = [tuple(round(number * 255, 4) for number in numbers) for numbers in (found.mean, found.std)]
    return TowerPreprocessing(scaled[0], scaled[1], (found.input_size[1], found.input_size[2]))


def _size(found: Mapping[str, Any]) -> tuple[int, int] | None:
    size = found.get('crop_size' if found.get('do_center_crop') else 'size')
    if isinstance(size, int):
        return size, size
    if not isinstance(size, Mapping):
        return None
    side = size.get('shortest_edge')
    height, width = size.get('height', side), size.get('width', side)
    return (height, width) if height and width else None


@MODELS.register_module()
class TowerDataPreprocessor(PairDataPreprocessor):
    """As :class:`PairDataPreprocessor`, with the mean and deviation that an image tower was trained with.

    A mean or deviation that is given wins, and a warning tells where it differs. So does one for images of another size
    than the tower's, which are read all the same. Both numbers are part of checkpoints.

    Args:
        pretrained: A hub name or a local folder of the tower or its pair.
        timm_model: In place of it the name of a model of timm. Neither: a checkpoint brings the numbers.
        mean, std: In place of the tower's.
        local_files_only: Never touch the network.

    Raises:
        OSError: ``preprocessor_config.json`` is missing or cannot be read.
        ValueError: It has no mean or std, timm does not know the model, or both are given.
    """

    def __init__(
        self,
        pretrained: str | None = None,
        timm_model: str | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        local_files_only: bool = True,
    ) -> None:
        unknown = (torch.nan,) * 3
        own = TowerPreprocessing(unknown, unknown, None)
        if pretrained is not None and timm_model is not None:
            raise ValueError('data_preprocessor: give pretrained or timm_model, not both')
        if timm_model is not None:
            own = timm_preprocessing(timm_model)
        if pretrained is not None:
            found = tower_preprocessing(pretrained, local_files_only)
            if found is None:
                raise OSError(
                    f'{pretrained} has no preprocessor_config.json. Get the file, or set '
                    'model.data_preprocessor.type=PairDataPreprocessor with mean and std.'
                )
            own = found
        super().__init__(own.mean if mean is None else mean, own.std if std is None else std)
        for name in ('mean', 'std'):
            # A model without its tower's folder has them, too.
            self.register_buffer(name, self.get_buffer(name))
        self.size = own.size
        if pretrained is not None:
            warn_of_other_normalisation(self, pretrained, own)
        if timm_model is not None:
            warn_of_other_normalisation(self, timm_model, own, 'timm_model')

    def forward(self, data: dict, training: bool = False) -> dict:
        """As :meth:`PairDataPreprocessor.forward`.

        Raises:
            ValueError: Also, there is no mean yet.
        """
        if self.mean.isnan().any():
            raise ValueError(
                'TowerDataPreprocessor has neither mean nor std: load a checkpoint, or give it pretrained=FOLDER'
            )
        data = super().forward(data, training)
        inputs = data['inputs']
        if self.size is not None and isinstance(inputs, Tensor) and tuple(inputs.shape[-2:]) != self.size:
            print_log(
                f'Images are {inputs.shape[-2]} x {inputs.shape[-1]} pixels, the image encoder was trained with '
                f'{self.size[0]} x {self.size[1]}: its position embeddings are resized.',
                logger='current',
                level=30,
            )
            self.size = None  # told once
        return data


def warn_of_other_normalisation(
    preprocessor: nn.Module, tower: str, own: TowerPreprocessing, option: str = 'pretrained'
) -> None:
    """Warns where the ``mean`` or ``std`` of a data preprocessor is not the ``tower``'s ``own``.

    ``option``: of :class:`TowerDataPreprocessor`, that takes the tower.
    """
    for name in ('mean', 'std'):
        value: Any = getattr(preprocessor, name, None)
        given = value.flatten().tolist() if isinstance(value, Tensor) else None
        expected: tuple[float, ...] = getattr(own, name)
        # Half a grey level: files round.
        if given is not None and max(abs(a - b) for a, b in zip(given, expected, strict=True)) > 0.5:
            print_log(
                f'model.data_preprocessor.{name} is {[round(number, 3) for number in given]}, and the images of '
                f'{tower} had {list(expected)}. The given one is used. To take that of the images: '
                f"model.data_preprocessor=dict(_delete_=True, type='TowerDataPreprocessor', {option}={tower!r})",
                logger='current',
                level=30,
            )


def check_normalisation(preprocessor: nn.Module, backbone: object) -> None:
    """Warns where images are normalised otherwise than the folder of the ``backbone`` says, if it has one.

    ``backbone``: of the image encoder; one with ``source``, the folder and whether it is on this machine.
    """
    source = getattr(backbone, 'source', None)
    if source is None or isinstance(preprocessor, TowerDataPreprocessor):
        return
    own = tower_preprocessing(*source)
    if own is not None:
        warn_of_other_normalisation(preprocessor, source[0], own)
