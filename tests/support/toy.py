"""A SLAN small enough to train for a few steps in seconds, and batches for it. Nothing in it is tuned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmpretrain.structures import DataSample
from torch import Tensor, nn

import slan_mm.datasets
import slan_mm.models  # noqa: F401
from slan_mm.registry import MODELS

SIZE = 32
TEXTS = (
    'a red circle and a blue square',
    'a green triangle',
    'a small yellow star next to a large purple cross',
    'a large red diamond above a green circle',
    'a blue circle',
    'an orange square below a small pink star',
    'a purple triangle and a red star and a blue cross',
    'a yellow circle next to a green diamond',
)


@MODELS.register_module(force=True)
class ToyBackbone(nn.Module):
    """Two levels, of 16 x 16 and 8 x 8 cells for a picture of 32 x 32, each sample on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.GroupNorm(2, 8), nn.GELU())
        self.coarse = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.GroupNorm(2, 16), nn.GELU())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.fine(x)
        return fine, self.coarse(fine)


def override(config: dict, values: Mapping[str, object]) -> dict:
    """Sets ``values`` in ``config`` by their paths, with double underscores for dots; returns it."""
    for path, value in values.items():
        *parents, last = path.split('__')
        place = config
        for name in parents:
            place = place[name]
        place[last] = value
    return config


def toy_config(**overrides: object) -> dict:
    """The config of a SLAN of width 16. ``overrides`` as for :func:`override`."""
    width = 16
    attention = dict(type='BidirectionalAttention', num_heads=2, feedforward_channels=32)
    pooling = dict(type='ExactMeanPooling')
    config = dict(
        type='SLAN',
        embed_dims=width,
        itc_dims=12,
        space_dims=dict(lexical=10, contextual=11),
        data_preprocessor=dict(type='PairDataPreprocessor', mean=(127.5,) * 3, std=(64.0,) * 3),
        image=dict(
            encoder=dict(
                type='ImageEncoder',
                backbone=dict(type='ToyBackbone'),
                out_levels=(0, 1),
                out_stride_level=1,
            ),
            decoder=dict(type='VisionDecoder', scales=(1, 2), separable=True),
            detector=dict(
                type='RegionDetector',
                grid=(3, 2),
                num_encoder_layers=1,
                num_decoder_layers=1,
                num_heads=2,
                feedforward_channels=32,
                dropout=0.0,
            ),
            pooling=pooling,
        ),
        text=dict(
            encoder=dict(
                type='TextEncoder',
                tokenizer=dict(type='ShapesTokenizer'),
                model=dict(
                    hidden_size=20,
                    num_hidden_layers=1,
                    num_attention_heads=2,
                    intermediate_size=32,
                    max_position_embeddings=32,
                    hidden_dropout_prob=0.0,
                    attention_probs_dropout_prob=0.0,
                ),
                max_words=20,
            ),
        ),
        locator=dict(
            region_filter=dict(type='RegionFilter', top=8, threshold=0.3),
            adaptors=[
                dict(
                    type='RegionAdaptor',
                    attention=attention,
                    pooling=pooling,
                    move=dict(type='MomentMove', ratio=0.5),
                    feature_level=level,
                )
                for level in (1, 2)
            ],
        ),
        objective=dict(itc=dict(queue_size=0), region_word=dict(temperature=0.07)),
    )
    return override(config, overrides)


def literal_config(**overrides: object) -> dict:
    """The same SLAN by the letter of the paper: Eq. 1-9 as written, no term of ours."""
    config = toy_config(space_dims=dict(lexical=10), **overrides)
    pooling = dict(type='RoIAlignPooling', output_size=3)
    config['image'] |= dict(pooling=pooling)
    config['image']['detector']['type'] = 'PlainQueryDetector'
    config['locator'] |= dict(
        type='LiteralLocator', region_filter=dict(type='ImageSaliencyFilter', top=8, threshold=0.5)
    )
    for level, adaptor in enumerate(config['locator']['adaptors']):
        adaptor['attention'] = dict(type='LiteralAttention', num_heads=2)
        adaptor['move'] = dict(type='LiteralMove', ratio=0.5**level, pooling=pooling)
        adaptor |= dict(type='LiteralAdaptor', pooling=pooling)
    config['objective'] |= dict(
        region_word=None,
        itm=dict(type='LiteralITMHead'),
        itc=dict(queue_size=8),
        regression=dict(type='LiteralRegressionLoss'),
    )
    return config


def build_toy_slan(seed: int = 0, config: dict | None = None, **overrides: object) -> nn.Module:
    """The toy SLAN with random weights that ``seed`` decides."""
    torch.manual_seed(seed)
    model = MODELS.build(config or toy_config(**overrides))
    # The detector's boxes start on the grid for every picture, and a toy should tell pictures apart.
    nn.init.normal_(model.image_branch.detector.box_head.layers[-1].weight, std=0.3)
    return model


def toy_sample(index: int, text: str | None = None, image_id: str | None = None, **fields: object) -> DataSample:
    """A data sample as the pipeline packs it; pictures were 64 wide and 48 high before they were resized."""
    sample = DataSample()
    sample.set_metainfo(
        dict(
            image_id=image_id or f'image{index}',
            sample_id=f'sample{index}',
            img_path=f'toy://{index}',
            ori_shape=(48, 64),
            img_shape=(SIZE, SIZE),
        )
    )
    sample.set_field(TEXTS[index % len(TEXTS)] if text is None else text, 'text')
    for name, value in fields.items():
        sample.set_field(value, name)
    return sample


def toy_picture(index: int) -> Tensor:
    """uint8 (3, SIZE, SIZE): noise with a bright rectangle, both decided by ``index``."""
    generator = torch.Generator().manual_seed(1000 + index)
    picture = torch.randint(0, 120, (3, SIZE, SIZE), generator=generator)
    x, y = torch.randint(0, SIZE // 2, (2,), generator=generator).tolist()
    picture[index % 3, y : y + 12, x : x + 12] += 130
    return picture.to(torch.uint8)


def toy_batch(indices: Sequence[int] = (0, 1, 2, 3), image_ids: dict[int, str] | None = None) -> dict:
    """A batch as ``pseudo_collate`` makes it. ``image_ids``: those that differ from the usual."""
    ids = image_ids or {}
    return dict(
        inputs=[toy_picture(index) for index in indices],
        data_samples=[toy_sample(index, image_id=ids.get(index)) for index in indices],
    )


def toy_losses(model: nn.Module, batch: dict) -> dict[str, Tensor]:
    """What the model logs for a batch, by way of its data preprocessor."""
    return model(**model.data_preprocessor(batch, True), mode='loss')
