"""Any config of SLAN at toy size: the same components and switches, offline, on data made while it is read."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config, ConfigDict

from slan_mm.applied_config import without_feature_stores
from slan_mm.datasets.shapes import shapes_answers

SIZE = 64
WIDTH = 16
#: Settings that say how large something is, wherever they stand in the model's config.
SMALL = dict(
    embed_dims=WIDTH,
    itc_dims=12,
    itc_hidden=WIDTH,
    num_heads=2,
    feedforward_channels=32,
    num_encoder_layers=1,
    num_decoder_layers=1,
    grid=(3, 2),
    num_groups=4,
    hidden_dims=WIDTH,
    max_words=24,
    itm_start=0,
    locator_start=0,
    width=8,
)
BERT = dict(
    hidden_size=20,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=32,
)
#: Data of the models that read something else than pictures with captions, by the model's type.
TWINS = {
    'NLVR': dict(type='ShapesNLVR', num_sentences=2, image_size=SIZE),
    'SLANAnswerer': dict(type='ShapesVQA', num_images=8, image_size=SIZE),
    'SLANGrounder': dict(type='ShapesGrounding', num_images=8, image_size=SIZE),
    'VideoRetrieval': dict(type='ShapesVideos', num_videos=8, num_frames=2, image_size=SIZE),
}
#: Towers of transformers by what is in the name of their folder.
VISION_TOWERS = {'clip-vit': 'clip_vision_model', 'siglip': 'siglip_vision_model', 'dinov2': 'dinov2'}
VISION = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, patch_size=16)
VIT = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)


def shrink(cfg: Config) -> Config:
    """A copy of ``cfg`` with a toy model, random weights, the shapes' tokenizer and the shapes' data.

    What is kept is every choice: types, switches, losses, levels, optimiser, schedule, hooks.
    """
    cfg = Config(cfg.to_dict())
    # Weights of the real size do not fit.
    cfg.load_from = None
    cfg.model = without_feature_stores(cfg.model)
    _shrink_sizes(cfg.model)
    text = cfg.model.text.encoder
    text.tokenizer, text.model = dict(type='ShapesTokenizer'), dict(BERT)
    _shrink_image_encoder(cfg.model.image)
    if cfg.model.get('data_preprocessor', {}).get('type') == 'TowerDataPreprocessor':
        cfg.model.data_preprocessor = dict(type='TowerDataPreprocessor', mean=(127.5,) * 3, std=(127.5,) * 3)
    if cfg.model.image.get('type') == 'PairImageBranch':
        _shrink_pair(cfg.model)
    if cfg.model.type == 'SLANDetector':
        _shrink_detection_data(cfg)
        return cfg
    if 'decoder' in cfg.model:
        _shrink_text_decoder(cfg.model)
    if 'gallery' in cfg.model:
        cfg.model.gallery = shapes('train', 'pair')
    # Evaluation-only configs have none.
    if cfg.get('train_dataloader') is not None:
        cfg.train_dataloader.dataset = data_of(cfg, 'train', 'pair')
        cfg.train_dataloader.batch_size = 4
    for mode in ('val', 'test'):
        for task, loader in (cfg.get(f'{mode}_dataloader') or {}).items():
            loader.dataset = data_of(cfg, mode, task) | dict(test_mode=True)
            loader.batch_size = 4
    return cfg


def data_of(cfg: Config, split: str, task: str) -> dict:
    """Config of eight items of the kind that the config's model reads."""
    if cfg.model.type in TWINS:
        return dict(TWINS[cfg.model.type], split=split)
    if cfg.model.type in ('NearestCaptioner', 'SLANCaptioner'):
        return shapes(split, 'pair' if split == 'train' else 'retrieval')
    return shapes(split, task)


def _shrink_detection_data(cfg: Config) -> None:
    pipeline = [
        dict(type='mmdet.LoadImageFromFile'),
        dict(type='mmdet.LoadAnnotations', with_bbox=True),
        dict(
            type='mmdet.PackDetInputs',
            meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'text', 'instances'),
        ),
    ]
    for mode in ('train', 'val', 'test'):
        loader = cfg[f'{mode}_dataloader']
        loader.dataset = dict(type='ShapesDetection', split=mode, num_images=8, return_classes=True, pipeline=pipeline)
        loader.batch_size = 4


def shapes(split: str, task: str) -> dict:
    """Config of eight pictures of 64 x 64 pixels."""
    return dict(type='ShapesPairs', split=split, task=task, num_images=8, image_size=SIZE)


def _shrink_sizes(node: Any) -> None:
    if isinstance(node, list | tuple):
        for item in node:
            _shrink_sizes(item)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == 'backbone':
            continue
        if key in SMALL:
            node[key] = SMALL[key]
        elif key == 'space_dims':
            node[key] = {term: 10 + number for number, term in enumerate(value)}
        elif key == 'queue_size':
            node[key] = min(value, 8)
        else:
            _shrink_sizes(value)


def _shrink_text_decoder(model: ConfigDict) -> None:
    """A random BERT for a decoder; a closed list of answers becomes the shapes'."""
    model.decoder.model = dict(BERT)
    model.decoder.pop('num_layers', None)
    model.decoder.get('generation', {}).pop('max_new_tokens', None)
    if model.get('answer_list'):
        model.answer_list = shapes_answers()


def _shrink_pair(model: ConfigDict) -> None:
    """Small towers of the same pair, and the widths of its space."""
    width = VISION['hidden_size']
    model.update(itc_dims=width, space_dims=dict(lexical=width))
    model.image.encoder.backbone.model.projection_dim = width
    kind = model.image.encoder.backbone.model.model_type.replace('vision', 'text')
    model.text.encoder.model = dict(BERT, model_type=kind, projection_dim=width, projection_size=width)
    model.objective.itc.pop('pretrained')


def _shrink_image_encoder(image: ConfigDict) -> None:
    """Small backbones of the same type."""
    encoder = image.encoder
    encoder.pop('backbone_checkpoint', None)
    backbone = encoder.backbone
    backbone.pop('init_cfg', None)
    if backbone.type == 'mmdet.ResNet':
        backbone.update(depth=18, base_channels=8)
        _shrink_sizes(backbone.get('norm_cfg'))
    elif backbone.type == 'mmpretrain.VisionTransformer':
        backbone.update(arch=dict(VIT), img_size=SIZE)
    elif backbone.type == 'mmpretrain.TIMMBackbone':
        backbone.update(pretrained=False)
    elif backbone.type in ('TransformersBackbone', 'PairBackbone'):
        (kind,) = [kind for name, kind in VISION_TOWERS.items() if name in backbone.model]
        backbone.model = dict(VISION, model_type=kind)
    else:
        raise ValueError(f'tests/support/shrink.py does not know how to make a small {backbone.type}')
