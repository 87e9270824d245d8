"""A toy detector, and batches of pictures with boxes of any size for it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from support.toy import build_toy_slan, override, toy_config
from torch import Tensor, nn

CLASSES = ('circle', 'red square', 'star')
#: (height, width) of the pictures: the last is the first's again. The toy backbone divides by 4.
SIZES = ((32, 32), (24, 40), (20, 28), (32, 32))


def detector_config(**overrides: object) -> dict:
    """The toy SLAN's config with a detection head. ``overrides`` as for ``toy_config``."""
    config = toy_config(
        type='SLANDetector',
        data_preprocessor=dict(
            type='mmdet.DetDataPreprocessor', mean=[127.5] * 3, std=[64.0] * 3, bgr_to_rgb=True, pad_size_divisor=4
        ),
        head=dict(score_dims=8, max_per_img=20),
        locator__region_filter=dict(type='RegionFilter', top=None, threshold=None),
        text__encoder__max_words=32,
    )
    del config['objective']
    return override(config, overrides)


def build_toy_detector(seed: int = 0, **overrides: object) -> nn.Module:
    """The toy detector with random weights that ``seed`` decides."""
    return build_toy_slan(seed, detector_config(**overrides))


def stir(model: nn.Module, seed: int = 5) -> nn.Module:
    """Random numbers for the parts of the head that start at zero, so that nothing is trivially equal."""
    torch.manual_seed(seed)
    nn.init.normal_(model.head.word_projection.weight, std=0.3)
    nn.init.normal_(model.head.box_offset.layers[-1].weight, std=0.3)
    return model


def picture(index: int, size: tuple[int, int] | None = None) -> Tensor:
    """uint8 (3, H, W): noise, decided by ``index``, with a bright box where :func:`boxes` says."""
    height, width = size or SIZES[index % len(SIZES)]
    generator = torch.Generator().manual_seed(index)
    result = torch.randint(0, 110, (3, height, width), generator=generator)
    for (x1, y1, x2, y2), label in zip(*boxes(index, (height, width)), strict=True):
        result[int(label) % 3, int(y1) : int(y2), int(x1) : int(x2)] += 140
    return result.to(torch.uint8)


def boxes(index: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """(G, 4) xyxy and (G,) labels; picture 2 has none."""
    height, width = size
    if index % 4 == 2:
        return torch.zeros(0, 4), torch.zeros(0, dtype=torch.long)
    generator = torch.Generator().manual_seed(50 + index)
    x, y = (torch.rand(2, 2, generator=generator) * 0.4).unbind(1)
    corners = torch.stack([x * width, y * height, (x + 0.4) * width, (y + 0.5) * height], dim=1).floor()
    return corners, torch.tensor([index % 3, (index + 1) % 3])


def sample(index: int, classes: Sequence[str] | str | None = CLASSES, size: tuple[int, int] | None = None):
    """A data sample as ``PackDetInputs`` makes it, of a picture that was twice as large before it was resized."""
    size = size or SIZES[index % len(SIZES)]
    result = DetDataSample()
    meta = dict(
        img_id=index,
        img_path=f'toy://{index}',
        img_shape=size,
        ori_shape=(2 * size[0], 2 * size[1]),
        scale_factor=(0.5, 0.5),
    )
    result.set_metainfo(meta if classes is None else meta | dict(text=classes))
    corners, labels = boxes(index, size)
    result.gt_instances = InstanceData(bboxes=corners, labels=labels)
    return result


def batch(indices: Sequence[int] = (0, 1, 2, 3), classes: Sequence[str] | str | None = CLASSES) -> dict:
    """A batch as ``pseudo_collate`` makes it, before padding."""
    return dict(inputs=[picture(i) for i in indices], data_samples=[sample(i, classes) for i in indices])


@torch.no_grad()
def predict(model: nn.Module, data: dict) -> list[InstanceData]:
    """The answers to a batch, in evaluation mode."""
    return [answer.pred_instances for answer in model.eval().test_step(data)]
