"""LoRA of a tower: low-rank additions to its linear layers learn, and all else of it stays as it was loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from slan_mm.extras import require_extra

#: What ``lora`` of an encoder may have, of ``peft.LoraConfig``.
SETTINGS = (
    'r',
    'lora_alpha',
    'lora_dropout',
    'target_modules',
    'layers_to_transform',
    'layers_pattern',
    'rank_pattern',
    'alpha_pattern',
    'bias',
    'use_rslora',
    'use_dora',
)


def add_lora(tower: nn.Module, settings: Mapping[str, Any], where: str) -> None:
    """Puts LoRA into a ``tower``, in place, by ``peft``. At first it changes no output.

    Args:
        settings: Of ``peft.LoraConfig``: ``r``, ``target_modules``, ... ; :data:`SETTINGS`.
        where: The encoder, for messages.

    Raises:
        ModuleNotFoundError: The extra ``lora`` is not installed.
        ValueError: A setting is unknown, or no layer of the tower has the names of ``target_modules``.
    """
    require_extra('lora')
    from peft import LoraConfig, inject_adapter_in_model

    if unknown := sorted(set(settings) - set(SETTINGS)):
        raise ValueError(f'{where}.lora has no setting {", ".join(unknown)}; it has {", ".join(SETTINGS)}')
    if not settings.get('target_modules'):
        raise ValueError(
            f"{where}.lora needs target_modules, ends of the names of linear layers, e.g. ['q_proj', 'v_proj']"
        )
    try:
        inject_adapter_in_model(LoraConfig(**settings), tower)
    except ValueError as error:
        linear = {name.rsplit('.', 1)[-1] for name, module in tower.named_modules() if isinstance(module, nn.Linear)}
        raise ValueError(f'{where}.lora: {error} Linear layers of the tower are {", ".join(sorted(linear))}') from error


def restart_lora(tower: nn.Module) -> None:
    """Gives LoRA in ``tower`` the weights that it begins with: weights of the tower were read, or made, after it."""
    for module in tower.modules():
        reset = getattr(module, 'reset_lora_parameters', None)
        if reset is not None:
            for adapter in module.r:  # type: ignore[union-attr]
                reset(adapter, True)


def take_without_lora(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """A ``load_state_dict`` pre-hook: a checkpoint of before LoRA was added is loaded around it."""
    own = {name: value for name, value in module.state_dict().items() if '.base_layer.' in name or '.lora_' in name}
    if any(prefix + name in state_dict for name in own):
        return
    for name, value in own.items():
        plain = prefix + name.replace('.base_layer.', '.')
        state_dict[prefix + name] = state_dict.pop(plain, value)
