"""What a store of features depends on, as hashes: the encoder's weights and config, and the preprocessing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn


class FeatureStoreError(RuntimeError):
    """A store that is missing, unfinished, or was made with other weights or other preprocessing."""


def canonical(config: Any) -> Any:
    """A config as plain JSON values: tuples become lists, classes their names."""
    if isinstance(config, Mapping):
        return {str(key): canonical(value) for key, value in sorted(config.items(), key=lambda item: str(item[0]))}
    if isinstance(config, Sequence) and not isinstance(config, str):
        return [canonical(value) for value in config]
    if config is None or isinstance(config, str | bool | int | float):
        return config
    if isinstance(config, type):
        return f'{config.__module__}.{config.__qualname__}'
    return repr(config)


def hash_config(config: Any) -> str:
    """32 hexadecimal digits that tell configs apart."""
    return hashlib.sha256(json.dumps(canonical(config), sort_keys=True).encode()).hexdigest()[:32]


def normalisation_of(preprocessor: nn.Module | None) -> dict[str, list[float] | None]:
    """Mean and standard deviation that a data preprocessor subtracts and divides by, None where it has none."""

    def numbers(value: Any) -> list[float] | None:
        if isinstance(value, Tensor):
            value = value.flatten().tolist()
        return None if value is None else [round(float(number), 6) for number in value]

    return {name: numbers(getattr(preprocessor, name, None)) for name in ('mean', 'std')}
