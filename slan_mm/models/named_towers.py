"""Checkpoints without frozen towers: a tower's name and hash stand for weights that its own files have.

In a state dict ``<branch>.encoder.tower`` is a tensor of bytes, JSON with ``name`` and ``hash``, in the place of all
``<branch>.encoder.backbone.*``. Whatever loads a state dict, a resumed run, ``load_from``, a test, gets the tower back
from the files that the config names, after a look at the hash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from slan_mm.weights_file import hash_weights

BRANCHES = ('image_branch', 'text_branch')


def named_source(encoder: nn.Module) -> str | None:
    """Where the config of a frozen encoder says that its backbone's weights are: the last name of it.

    None where it is not frozen, or was made from random weights.
    """
    if not getattr(encoder, 'frozen', False):
        return None
    source = getattr(encoder, 'source', None)
    return None if source is None else Path(str(source)).name


def leave_out_towers(model: nn.Module, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``state_dict`` of ``model`` with name and hash in the place of each frozen tower that the config names."""
    kept = dict(state_dict)
    for branch in BRANCHES:
        encoder = getattr(getattr(model, branch, None), 'encoder', None)
        name = None if encoder is None else named_source(encoder)
        if name is None:
            continue
        prefix = f'{branch}.encoder.'
        kept = {key: value for key, value in kept.items() if not key.startswith(f'{prefix}backbone.')}
        told = json.dumps({'name': name, 'hash': hash_weights(encoder.backbone)})  # type: ignore[union-attr, arg-type]
        kept[f'{prefix}tower'] = torch.tensor(list(told.encode()), dtype=torch.uint8)
    return kept


def fill_towers(model: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """A ``load_state_dict`` pre-hook: gives a checkpoint the towers that it names, from the files of ``model``.

    Raises:
        FileNotFoundError: A tower's file is not there.
        ValueError: The model's tower is another than the one that the checkpoint was trained with.
    """
    for branch in BRANCHES:
        told = state_dict.pop(f'{prefix}{branch}.encoder.tower', None)
        if told is None:
            continue
        tower = json.loads(bytes(told.tolist()))
        encoder = getattr(model, branch).encoder
        if hash_weights(encoder.backbone) != tower['hash'] and not encoder.is_init:
            # Files that are read when weights are initialised, which a test does not do.
            encoder.init_weights()
        if (found := hash_weights(encoder.backbone)) != tower['hash']:
            raise ValueError(
                f'the checkpoint has no {branch}.encoder.backbone, but names {tower["name"]!r} (hash {tower["hash"]}); '
                f'that of this config, {named_source(encoder) or "with random weights"!r}, is another (hash {found}). '
                f'Let model.{branch.removesuffix("_branch")}.encoder name the weights of {tower["name"]!r}'
            )
        for name, value in encoder.backbone.state_dict().items():
            state_dict[f'{prefix}{branch}.encoder.backbone.{name}'] = value
