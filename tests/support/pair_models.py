"""Small image-text pairs of ``transformers`` with random weights, in files as users have them, and a SLAN of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import transformers
from support.text_models import build_tokenizer, kind_of_tokenizer, model_config
from support.toy import toy_config
from transformers.models.siglip2.image_processing_siglip2 import convert_image_to_patches

#: SigLIP 2 of a fixed size has the type, and so the classes, of SigLIP; of native aspect ratio it has its own.
PAIRS = {'clip': 'CLIP', 'siglip': 'Siglip', 'siglip2': 'Siglip2'}
#: Width of the pair's space.
WIDTH = {'clip': 14, 'siglip': 16, 'siglip2': 16}
#: CLIP's scale ends at 100, SigLIP's lies above.
LOG_SCALE = {'clip': 4.605170249938965, 'siglip': 4.76, 'siglip2': 4.7}
VISION = dict(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, patch_size=8, image_size=32
)


def save_pair(kind: str, folder: Path, seed: int = 0) -> transformers.PreTrainedModel:
    """Saves a pair of ``kind`` and its tokenizer in ``folder``, as a hub's; returns the pair."""
    torch.manual_seed(seed)
    text = model_config(f'{kind}_text_model')
    del text['model_type']
    text['max_position_embeddings'] = 64
    own = dict(projection_dim=WIDTH[kind]) if kind == 'clip' else {}
    vision = VISION | (dict(num_patches=16) if kind == 'siglip2' else {})
    config = getattr(transformers, f'{PAIRS[kind]}Config')(text_config=text, vision_config=vision, **own)
    pair = getattr(transformers, f'{PAIRS[kind]}Model')(config).eval()
    with torch.no_grad():
        for parameter in pair.parameters():
            # As initialised, a pair hardly tells images and texts apart.
            parameter.add_(torch.randn_like(parameter) * 0.1)
        pair.logit_scale.fill_(LOG_SCALE[kind])
    pair.save_pretrained(folder)
    build_tokenizer(kind_of_tokenizer(f'{kind}_text_model')).save_pretrained(folder)
    return pair


def pixel_inputs(kind: str, images: torch.Tensor, patch: int = 8) -> dict[str, torch.Tensor]:
    """Images (B, 3, H, W) as a vision tower of ``kind`` takes them."""
    if not kind.startswith('siglip2'):
        return dict(pixel_values=images)
    rows = [convert_image_to_patches(image.permute(1, 2, 0).numpy(), patch) for image in images]
    pixels = torch.from_numpy(np.stack(rows))
    shapes = torch.tensor([[images.shape[2] // patch, images.shape[3] // patch]] * len(images))
    mask = torch.ones(pixels.shape[:2], dtype=torch.long)
    return dict(pixel_values=pixels, pixel_attention_mask=mask, spatial_shapes=shapes)


def pair_inputs(kind: str, texts: list[str]) -> dict[str, torch.Tensor]:
    """Tokens of ``texts`` as users of ``transformers`` make them for a pair."""
    tokenizer = build_tokenizer(kind_of_tokenizer(f'{kind}_text_model'))
    if kind == 'clip':
        tokens = tokenizer(texts, padding=True, return_tensors='pt')
        return dict(input_ids=tokens['input_ids'], attention_mask=tokens['attention_mask'])
    lower = [text.lower() for text in texts]
    return dict(input_ids=tokenizer(lower, padding='max_length', max_length=64, return_tensors='pt')['input_ids'])


def pair_config(kind: str, folder: Path, frozen: bool = True, **overrides: object) -> dict:
    """The toy SLAN around the pair in ``folder``. ``overrides`` as for :func:`toy_config`."""
    model = str(folder)
    settings: dict[str, object] = dict(
        itc_dims=WIDTH[kind],
        space_dims=dict(lexical=WIDTH[kind]),
        image__type='PairImageBranch',
        image__encoder=dict(type='PairImageEncoder', frozen=frozen, backbone=dict(type='PairBackbone', model=model)),
        text__type='PairTextBranch',
        text__encoder=dict(type='PairTextEncoder', tokenizer=model, model=model, max_words=48, frozen=frozen),
        objective__itc=dict(type='PairITCLoss', pretrained=model),
        objective__weights=dict(lm=0.0),
    )
    return toy_config(**settings | overrides)
