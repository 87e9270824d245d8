"""Rewrites an image-text pair in the layout of open_clip as a folder of transformers, which SLAN's pairs read.

    python tools/model_converters/open_clip_to_transformers.py weights/CLIP-ViT-B-16-open_clip weights/CLIP-ViT-B-16

The folder has ``open_clip_config.json``, ``open_clip_model.safetensors`` (or ``open_clip_pytorch_model.bin``) and
``tokenizer.json``. Two layouts have a class in transformers: CLIP's own ViT (``CLIPModel``), and timm's
``vit_*_siglip_*`` with SigLIP's text tower (``SiglipModel``). Any other architecture, and any option that changes what
one of these computes, is refused by name. Every tensor is used once and every tensor of the class is filled, or nothing
is written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from slan_mm.arguments import out_folder
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option
from slan_mm.home_folder import expanded


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path, help='folder with open_clip_config.json, its weights and tokenizer.json')
    parser.add_argument('out', type=option(out_folder), help='folder to write')
    options = parser.parse_args(arguments)
    if not options.out:
        parser.error('argument out: must be a folder')
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import json
import shutil
from collections.abc import Mapping
from typing import Any

from open_clip_layout.options import CONFIG, preprocessing, target_config
from open_clip_layout.tensors import convert
from tokenizers import Tokenizer
from transformers import PretrainedConfig

from slan_mm.models.image.backbone_weights import read_state_dict
from slan_mm.own_files import start_afresh
from slan_mm.text_files import read_json
from slan_mm.weights_file import check_weights, save_weights

WEIGHTS = ('open_clip_model.safetensors', 'open_clip_pytorch_model.bin')
WRITTEN = ('config.json', 'model.safetensors', 'preprocessor_config.json')
TOKENIZER = ('tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json')
TOKENIZER += ('vocab.json', 'merges.txt', 'spiece.model', 'tokenizer.model')


def check_tokenizer(folder: Path, text: Mapping[str, Any], config: PretrainedConfig) -> None:
    """``tokenizer.json`` is there, and ends texts as CLIP reads them.

    Raises:
        FileNotFoundError: It is not there.
        ValueError: It cannot be read, or is of another pair.
    """
    file = folder / 'tokenizer.json'
    if not file.is_file():
        usual = 'openai/clip-vit-base-patch32' if config.model_type == 'clip' else "the pair's own publisher"
        raise FileNotFoundError(
            f'{folder} has no tokenizer.json. Add the tokenizer files of {text.get("hf_tokenizer_name") or usual} to it'
        )
    try:
        last = Tokenizer.from_file(str(file)).encode('a').ids[-1:]
    except Exception as error:  # of tokenizers
        raise ValueError(f'{file} is no tokenizer: {error}') from error
    if config.model_type == 'clip' and last != [config.text_config.eos_token_id]:
        raise ValueError(
            f'{file} ends a text with token {last}, but the pair reads a text at its greatest token, '
            f'{config.text_config.eos_token_id}: take the tokenizer that it was trained with'
        )


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Converts one folder."""
    options = parse_options(arguments)
    folder, out = expanded(options.folder), options.out
    read = read_json(folder / CONFIG)
    model, given = (read.get(name) if isinstance(read, dict) else None for name in ('model_cfg', 'preprocess_cfg'))
    if not isinstance(model, dict) or not isinstance(given, dict):
        raise ValueError(f'{folder / CONFIG} has no model_cfg and preprocess_cfg')
    config = target_config(model)
    images = preprocessing(given, config.vision_config.image_size)
    check_tokenizer(folder, model['text_cfg'], config)
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), folder / WEIGHTS[0])
    tensors = convert(check_weights(weights, read_state_dict(weights)), config)
    start_afresh(out, [*WRITTEN, *TOKENIZER], 'a pair of encoders')
    for name in TOKENIZER:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, out / name)
    save_weights(out / 'model.safetensors', tensors)
    (out / 'preprocessor_config.json').write_text(json.dumps(images, indent=2), encoding='utf-8')
    config.to_json_file(out / 'config.json')
    print(f'{len(tensors)} tensors of a {config.architectures[0]} written to {out}')


if __name__ == '__main__':
    main()
