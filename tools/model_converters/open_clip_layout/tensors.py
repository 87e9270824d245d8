"""Where transformers has the tensors of open_clip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor
from transformers import CLIPModel, PretrainedConfig, PreTrainedModel, SiglipModel

from open_clip_layout.options import CONFIG

_EMBEDDINGS, _LAYERS = '_model.embeddings.', '_model.encoder.layers.'
_TEXT = {
    'token_embedding.': f'text{_EMBEDDINGS}token_embedding.',
    'positional_embedding': f'text{_EMBEDDINGS}position_embedding.weight',
    'transformer.resblocks.': f'text{_LAYERS}',
    'ln_final.': 'text_model.final_layer_norm.',
    'logit_scale': 'logit_scale',
}
#: Beginnings of open_clip's names, and what stands for them in transformers.
RENAMED = {
    'clip': _TEXT
    | {
        'text_projection': 'text_projection.weight',
        'visual.class_embedding': f'vision{_EMBEDDINGS}class_embedding',
        'visual.conv1.': f'vision{_EMBEDDINGS}patch_embedding.',
        'visual.positional_embedding': f'vision{_EMBEDDINGS}position_embedding.weight',
        'visual.ln_pre.': 'vision_model.pre_layrnorm.',
        'visual.transformer.resblocks.': f'vision{_LAYERS}',
        'visual.ln_post.': 'vision_model.post_layernorm.',
        'visual.proj': 'visual_projection.weight',
    },
    'siglip': _TEXT
    | {
        'text_projection.': 'text_model.head.',
        'logit_bias': 'logit_bias',
        'visual.trunk.patch_embed.proj.': f'vision{_EMBEDDINGS}patch_embedding.',
        'visual.trunk.pos_embed': f'vision{_EMBEDDINGS}position_embedding.weight',
        'visual.trunk.blocks.': f'vision{_LAYERS}',
        'visual.trunk.norm.': 'vision_model.post_layernorm.',
        'visual.trunk.attn_pool.latent': 'vision_model.head.probe',
        'visual.trunk.attn_pool.qkv.': 'vision_model.head.attention.in_proj_',
        'visual.trunk.attn_pool.proj.': 'vision_model.head.attention.out_proj.',
        'visual.trunk.attn_pool.norm.': 'vision_model.head.layernorm.',
        'visual.trunk.attn_pool.mlp.': 'vision_model.head.mlp.',
    },
}
#: The same of a layer's parts. [qkv]: one tensor becomes three.
PARTS = {
    'ln_1.': 'layer_norm1.',
    'ln_2.': 'layer_norm2.',
    'attn.in_proj_': 'self_attn.[qkv]_proj.',
    'attn.out_proj.': 'self_attn.out_proj.',
    'mlp.c_fc.': 'mlp.fc1.',
    'mlp.c_proj.': 'mlp.fc2.',
    'norm1.': 'layer_norm1.',
    'norm2.': 'layer_norm2.',
    'attn.qkv.': 'self_attn.[qkv]_proj.',
    'attn.proj.': 'self_attn.out_proj.',
}
#: Of these open_clip keeps the matrix, transformers a linear layer.
TRANSPOSED = ('visual.proj', 'text_projection')


def target_name(name: str, kind: str) -> str:
    """What transformers calls open_clip's tensor ``name``; '': it knows none. [qkv] stands for three names."""
    for old, new in RENAMED[kind].items():
        if name.startswith(old):
            end = name[len(old) :]
            if new.endswith('.layers.'):
                layer, _, end = end.partition('.')
                part = next((part for part in PARTS if end.startswith(part)), '')
                end = f'{layer}.{PARTS.get(part, "")}{end[len(part) :]}'
            return new + end
    return ''


def convert(state: Mapping[str, Tensor], config: PretrainedConfig) -> dict[str, Tensor]:
    """The tensors of ``state``, of open_clip, under the names of transformers.

    Raises:
        ValueError: A tensor has no place, or no tensor fills a place, or shapes differ; the message names them.
    """
    kind = config.model_type
    with torch.device('meta'):
        build: type[PreTrainedModel] = CLIPModel if kind == 'clip' else SiglipModel
        wanted = build(config).state_dict()
    new: dict[str, Tensor] = {}
    left = set(wanted)
    wrong: dict[str, list[str]] = {'of no use': [], 'twice': [], 'of another shape': []}
    for source, value in _join_pool(state).items():
        for target, part in _places(source, value, kind):
            shape = wanted[target].shape if target in wanted else None
            if shape is None:
                wrong['of no use'].append(source)
            elif target not in left:
                wrong['twice'].append(f'{source} ({target})')
            elif _without_ones(part.shape) != _without_ones(shape):
                wrong['of another shape'].append(f'{source} {tuple(value.shape)} ({target} {tuple(shape)})')
            else:
                # Parts of one tensor would share its memory, which safetensors refuse.
                new[target] = part.reshape(shape).clone(memory_format=torch.contiguous_format)
            left.discard(target)
    wrong['not there'] = [name for name in wanted if name in left]
    told = []
    for what, names in wrong.items():
        each = list(dict.fromkeys(names))
        if each:
            told.append(f'{len(each)} {what}: {", ".join(each[:3])}{", ..." if len(each) > 3 else ""}')
    if told:
        raise ValueError(f'the weights are not of the model in {CONFIG}; of their tensors {"; ".join(told)}')
    return new


def _places(source: str, value: Tensor, kind: str) -> Iterator[tuple[str, Tensor]]:
    """The parts of a tensor and their names in transformers; '' where it knows none."""
    # The text tower is below 'text.' or at the root.
    name = source.removeprefix('text.')
    target = target_name(name, kind)
    if '[qkv]' in target and value.dim():
        yield from zip((target.replace('[qkv]', letter) for letter in 'qkv'), value.tensor_split(3), strict=True)
    else:
        yield target, value.t() if kind == 'clip' and name in TRANSPOSED and value.dim() == 2 else value


def _without_ones(shape: torch.Size) -> list[int]:
    """Scales and positions have an axis of 1 in one layout and not in the other."""
    return [size for size in shape if size != 1]


def _join_pool(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The pooling head's query and its keys and values as one tensor, as torch has it."""
    state = dict(state)
    pool = 'visual.trunk.attn_pool.'
    for end in ('weight', 'bias'):
        query, others = (state.get(f'{pool}{name}.{end}') for name in ('q', 'kv'))
        if (
            query is None
            or others is None
            or not query.dim() == others.dim() > 0
            or query.shape[1:] != others.shape[1:]
        ):
            continue  # convert() names them
        del state[f'{pool}q.{end}'], state[f'{pool}kv.{end}']
        state[f'{pool}qkv.{end}'] = torch.cat([query, others])
    return state
