"""What open_clip's config means for a pair of transformers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn

import timm
import torch
from timm.layers import GELUTanh
from torch import nn
from transformers import CLIPConfig, PretrainedConfig, SiglipConfig

CONFIG = 'open_clip_config.json'
#: What open_clip takes where its config says nothing.
DEFAULTS: dict[str, dict[str, Any]] = {
    'vision_cfg': dict(
        layers=12, width=768, head_width=64, mlp_ratio=4.0, patch_size=16, image_size=224, pool_type='tok'
    ),
    'text_cfg': dict(
        layers=12, width=512, heads=8, mlp_ratio=4.0, context_length=77, vocab_size=49408, pool_type='argmax'
    ),
}
#: What the class of transformers computes. An option that is not named here, nor below, must be off.
COMPUTED: dict[str, dict[str, dict[str, Any]]] = {
    'clip': {
        'vision_cfg': dict(pool_type='tok', pos_embed_type='learnable'),
        'text_cfg': dict(pool_type='argmax', proj_type='linear'),
    },
    'siglip': {
        'vision_cfg': dict(timm_pool='map', timm_proj='none', pool_type='tok'),
        'text_cfg': dict(pool_type='last', proj_type='linear', no_causal_mask=True, proj_bias=True),
    },
}
#: Options that are read, and options that change training or nothing.
READ = {
    'model_cfg': 'embed_dim vision_cfg text_cfg quick_gelu custom_text init_logit_scale init_logit_bias '
    'nonscalar_logit_scale',
    'vision_cfg': 'layers width head_width mlp_ratio patch_size image_size act_kwargs norm_kwargs timm_model_name '
    'timm_model_pretrained timm_drop timm_drop_path patch_dropout output_tokens attn_pooler_queries attn_pooler_heads',
    'text_cfg': 'layers width heads mlp_ratio context_length vocab_size act_kwargs norm_kwargs output_tokens pad_id '
    'eos_id hf_tokenizer_name tokenizer_kwargs text_mask hf_model_pretrained hf_proj_type hf_pooler_type',
}


def _refuse(told: str) -> NoReturn:
    raise ValueError(f'{CONFIG}: {told}')


def kind_of(model: Mapping[str, Any]) -> str:
    """'clip' or 'siglip', which class reads a ``model_cfg``.

    Raises:
        ValueError: Neither computes what this model does; the message names the option.
    """
    known = "this tool converts CLIP's own ViT, and timm's vit_*_siglip_* with the text tower of SigLIP"
    vision, text = model.get('vision_cfg'), model.get('text_cfg')
    if not isinstance(vision, Mapping) or not isinstance(text, Mapping):
        _refuse('model_cfg has no vision_cfg and text_cfg')
    trunk = vision.get('timm_model_name')
    if trunk and not (re.fullmatch(r'vit_\w+_siglip_\d+', str(trunk)) and timm.is_model(trunk)):
        _refuse(f'vision_cfg.timm_model_name={trunk!r} has no pair in transformers; {known}')
    if isinstance(vision.get('layers'), list):
        _refuse(f'vision_cfg.layers={vision["layers"]} is a ResNet; {known}')
    kind = 'siglip' if trunk else 'clip'
    for part, given in (('model_cfg', model), ('vision_cfg', vision), ('text_cfg', text)):
        needed = COMPUTED[kind].get(part, {})
        for name, value in given.items():
            good = name in READ[part].split() or not value or (kind == 'clip' and name.startswith('timm_'))
            if (name in needed and value != needed[name]) or (name not in needed and not good):
                _refuse(f'{part}.{name}={value!r} has no pair in transformers; {known}')
        for name, value in needed.items():
            if name not in given and value != DEFAULTS[part].get(name, value):
                _refuse(f'{part}.{name} is not {value!r}; {known}')
    cleaning = text.get('tokenizer_kwargs') or {}
    if set(cleaning) - {'clean'}:
        _refuse(f'text_cfg.tokenizer_kwargs={cleaning}: only clean is known')
    return kind


def _number(part: str, options: Mapping[str, Any], name: str, fraction: bool = False) -> Any:
    value = options.get(name, DEFAULTS.get(part, {}).get(name))
    if isinstance(value, list) and len(set(value)) == 1:  # a square image
        value = value[0]
    good = isinstance(value, int) or (fraction and isinstance(value, float))
    if isinstance(value, bool) or not good or value <= 0:
        _refuse(f'{part}.{name} must be a number above 0, got {value!r}')
    return value


def _activation(options: Mapping[str, Any], quick: bool) -> str:
    own = options.get('act_kwargs') or {}
    if own not in ({}, {'approximate': 'none'}, {'approximate': 'tanh'}) or (own and quick):
        _refuse(f'act_kwargs={own} of {"quick_gelu" if quick else "gelu"} is not known')
    return 'quick_gelu' if quick else 'gelu_pytorch_tanh' if own.get('approximate') == 'tanh' else 'gelu'


def _tower(model: Mapping[str, Any], part: str, quick: bool) -> dict[str, Any]:
    """What the configs of both towers have, of open_clip's own transformer."""
    options = model[part]
    width = _number(part, options, 'width')
    norm = {'eps': 1e-5} | (options.get('norm_kwargs') or {})
    if set(norm) != {'eps'}:
        _refuse(f'{part}.norm_kwargs={norm}: only eps is known')
    heads = _number(part, options, 'heads') if part == 'text_cfg' else width // _number(part, options, 'head_width')
    if not heads or width % heads:
        _refuse(f'{part}.width={width} is no multiple of its {heads} heads')
    return dict(
        hidden_size=width,
        num_hidden_layers=_number(part, options, 'layers'),
        num_attention_heads=heads,
        intermediate_size=int(width * _number(part, options, 'mlp_ratio', fraction=True)),
        hidden_act=_activation(options, quick),
        layer_norm_eps=_number(part, norm, 'eps', fraction=True),
    )


def _trunk(name: str) -> dict[str, Any]:
    """The config of a vision tower that timm knows by name."""
    with torch.device('meta'):
        trunk: Any = timm.create_model(name, pretrained=False)
    block = trunk.blocks[0]
    tanh = isinstance(block.mlp.act, GELUTanh)
    if not tanh and not isinstance(block.mlp.act, nn.GELU):
        _refuse(f'vision_cfg.timm_model_name={name!r} has the activation {type(block.mlp.act).__name__}')
    return dict(
        hidden_size=trunk.embed_dim,
        num_hidden_layers=len(trunk.blocks),
        num_attention_heads=block.attn.num_heads,
        intermediate_size=block.mlp.fc1.out_features,
        hidden_act='gelu_pytorch_tanh' if tanh else 'gelu',
        layer_norm_eps=trunk.norm.eps,
        image_size=trunk.patch_embed.img_size[0],
        patch_size=trunk.patch_embed.patch_size[0],
    )


def target_config(model: Mapping[str, Any]) -> PretrainedConfig:
    """The config of transformers for a ``model_cfg``.

    Raises:
        ValueError: See :func:`kind_of`; or it lacks a number.
    """
    kind = kind_of(model)
    vision, text, embed = model['vision_cfg'], model['text_cfg'], _number('model_cfg', model, 'embed_dim')
    quick = bool(model.get('quick_gelu'))
    vocabulary = _number('text_cfg', text, 'vocab_size')
    own_text = _tower(model, 'text_cfg', quick) | dict(
        vocab_size=vocabulary,
        max_position_embeddings=_number('text_cfg', text, 'context_length'),
    )
    if kind == 'siglip':
        own_vision = _trunk(vision['timm_model_name'])
        if own_vision['hidden_size'] != embed:
            _refuse(f'model_cfg.embed_dim={embed}: {vision["timm_model_name"]} has {own_vision["hidden_size"]}')
        config: PretrainedConfig = SiglipConfig(own_text | dict(projection_size=embed), own_vision)
        config.architectures = ['SiglipModel']
        return config
    own_vision = _tower(model, 'vision_cfg', quick)
    own_vision |= {name: _number('vision_cfg', vision, name) for name in ('image_size', 'patch_size')}
    # open_clip reads a text at its greatest token, which is EOS.
    own_text |= dict(bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1)
    # A tower that is loaded alone finds the width of the space in its own config.
    both = dict(projection_dim=embed)
    config = CLIPConfig(own_text | both, own_vision | both, **both)
    config.architectures = ['CLIPModel']
    return config


def preprocessing(given: Mapping[str, Any], size: int) -> dict[str, Any]:
    """``preprocessor_config.json`` of a ``preprocess_cfg``; ``size`` is the model's.

    Raises:
        ValueError: It has no mean and std, or resizes as transformers does not.
    """
    numbers = {name: given.get(name) for name in ('mean', 'std')}
    for name, value in numbers.items():
        if not isinstance(value, list) or len(value) != 3 or not all(isinstance(one, int | float) for one in value):
            _refuse(f'preprocess_cfg.{name} must be three numbers, got {value!r}')
    size = _number('preprocess_cfg', {'size': size, **given}, 'size')
    mode = given.get('resize_mode', 'shortest')
    if mode not in ('shortest', 'squash'):
        _refuse(f'preprocess_cfg.resize_mode={mode!r}: shortest and squash are known')
    square = dict(height=size, width=size)
    whole = dict(image_processor_type='SiglipImageProcessor', size=square)
    cropped = dict(
        image_processor_type='CLIPImageProcessor',
        size=dict(shortest_edge=size),
        do_center_crop=True,
        crop_size=square,
    )
    return (whole if mode == 'squash' else cropped) | dict(
        do_resize=True,
        resample=2 if given.get('interpolation') == 'bilinear' else 3,  # of Pillow: bilinear, bicubic
        do_rescale=True,
        rescale_factor=1 / 255,
        do_normalize=True,
        image_mean=numbers['mean'],
        image_std=numbers['std'],
        do_convert_rgb=True,
    )
