"""The blocks of a tower in their order: which of them learn, and how deep below the output a parameter lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from slan_mm.models.lora import add_lora


def find_blocks(tower: nn.Module) -> list[str]:
    """The names of a tower's blocks, first to last.

    They are the entries of its outermost rows (``ModuleList``, ``Sequential``) of at least two modules of one class
    that have parameters: layers of a transformer, blocks or stages of a convolutional network.

    Raises:
        ValueError: It has none.
    """
    blocks: list[str] = []
    for name, module in tower.named_modules():
        if not isinstance(module, nn.ModuleList | nn.Sequential) or len(module) < 2:
            continue
        # Of one class, which a stem of convolution, norm and activation is not.
        same = len({type(entry) for entry in module}) == 1
        inside = any(name == block or name.startswith(f'{block}.') for block in blocks)
        if same and not inside and all(any(True for _ in entry.parameters()) for entry in module):
            blocks += [f'{name}.{number}' for number in range(len(module))]
    if not blocks:
        raise ValueError(f'{type(tower).__name__} has no row of blocks, of which the last ones could learn')
    return blocks


def depths(tower: nn.Module) -> dict[str, int]:
    """Of each parameter the number of blocks from its own to the output, both included: 1 of the last block.

    0: behind the blocks, as the last norm. One more than there are blocks: before them, as the embeddings.
    """
    blocks = find_blocks(tower)
    found: dict[str, int] = {}
    before = len(blocks) + 1
    for name, _ in tower.named_parameters():
        own = next((number for number, block in enumerate(blocks) if name.startswith(f'{block}.')), None)
        if own is not None:
            before = 0
        found[name] = before if own is None else len(blocks) - own
    return found


def learn_last(tower: nn.Module, count: int, where: str) -> list[nn.Module]:
    """Freezes all of a tower that lies before its last ``count`` blocks; gives back the frozen blocks.

    Raises:
        ValueError: It has no blocks, or fewer.
    """
    blocks = find_blocks(tower)
    if not 1 <= count <= len(blocks):
        raise ValueError(f'{where}.learn_last={count}: {type(tower).__name__} has {len(blocks)} blocks')
    for name, depth in depths(tower).items():
        if depth > count:
            tower.get_parameter(name).requires_grad_(False)
    return [tower.get_submodule(name) for name in blocks[: len(blocks) - count]]


def freeze(
    tower: nn.Module, whole: bool, last: int | None, lora: Mapping[str, Any] | None, where: str
) -> list[nn.Module]:
    """Freezes the ``whole`` tower, all before its ``last`` blocks, or all but ``lora``.

    Returns:
        What stays in evaluation mode.

    Raises:
        ModuleNotFoundError: See :func:`add_lora`.
        ValueError: More than one is asked for; or see :func:`learn_last` and :func:`add_lora`.
    """
    if whole + (last is not None) + (lora is not None) > 1:
        raise ValueError(f'{where}: of frozen, learn_last and lora only one can be set')
    if whole:
        tower.requires_grad_(False)
    if lora is not None:
        add_lora(tower, lora, where)
    frozen = [tower] if whole else [] if last is None else learn_last(tower, last, where)
    for module in frozen:
        module.eval()
    return frozen
