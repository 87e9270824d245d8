"""Models of ``transformers`` from a folder or a hub: one way to load them, and to say why it failed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from transformers import PretrainedConfig, PreTrainedModel
from transformers.image_processing_base import ImageProcessingMixin

Facts = TypeVar('Facts')


def find_facts(
    model_type: str, where: str, architectures: Mapping[str, Facts], pairs: Mapping[str, str], reader: str
) -> Facts:
    """The row of ``architectures`` for a ``model_type``, or for the tower of a pair of that type.

    Args:
        where: what has this type, for the message.
        pairs: types of image-text pairs, and of their towers.
        reader: who reads them, for the message.

    Raises:
        ValueError: it is unknown; the message names the known ones.
    """
    found = architectures.get(pairs.get(model_type, model_type))
    if found is None:
        raise ValueError(
            f'{where} is a model of type {model_type!r}; {reader} reads {", ".join(sorted(architectures))}, and its '
            f'side of the pairs {", ".join(sorted(pairs))}'
        )
    return found


def read_config_file(what: str, name_or_path: str, local_files_only: bool) -> dict[str, Any]:
    """The config of a hub name or a folder, as it stands there; ``what`` it is, for the message.

    Raises:
        OSError: it cannot be loaded, or comes with code; the message says what to do.
    """
    refuse_code(what, name_or_path)
    try:
        config, _ = PretrainedConfig.get_config_dict(name_or_path, local_files_only=local_files_only)
    except Exception as error:  # of the hub, of json: one advice fits them all
        raise OSError(loading_help(what, name_or_path, local_files_only, error)) from error
    return config


def load_pretrained(
    what: str, name_or_path: str, kind: type[PreTrainedModel], local_files_only: bool, **options: Any
) -> PreTrainedModel:
    """A model of class ``kind`` with all of its weights; ``options`` go to its ``from_pretrained``.

    Raises:
        OSError: it cannot be loaded, or comes with code; the message says what to do.
        ValueError: the files lack weights, which would stay random.
    """
    refuse_code(what, name_or_path)
    options |= dict(local_files_only=local_files_only, trust_remote_code=False, output_loading_info=True)
    try:
        model, report = kind.from_pretrained(name_or_path, **options)
    except Exception as error:  # of the hub, of safetensors, of torch: one advice fits them all
        raise OSError(loading_help(what, name_or_path, local_files_only, error)) from error
    if report['missing_keys']:  # transformers only warns
        raise ValueError(
            f'The weights at {name_or_path} lack {len(report["missing_keys"])} tensors that its config.json asks for: '
            f'{sorted(report["missing_keys"])[:3]}... Get the files again.'
        )
    return model


def read_preprocessing(what: str, name_or_path: str, local_files_only: bool) -> dict[str, Any] | None:
    """What ``preprocessor_config.json`` of a hub name or a folder says; None where it is not there.

    Raises:
        OSError: it cannot be read.
    """
    folder = Path(name_or_path)
    if folder.is_dir() and not (folder / 'preprocessor_config.json').is_file():
        return None
    try:
        found, _ = ImageProcessingMixin.get_image_processor_dict(name_or_path, local_files_only=local_files_only)
    except Exception as error:  # of the hub, of json: one advice fits them all
        raise OSError(loading_help(what, name_or_path, local_files_only, error)) from error
    return found


def asks_to_run_code(error: Exception) -> bool:
    """Whether ``transformers`` failed because a folder wants code of its own to be run."""
    return 'trust_remote_code' in str(error)


def refuse_code(what: str, name_or_path: str) -> None:
    """Refuses a folder whose ``custom_generate`` transformers would run, without asking, when it loads a model.

    Raises:
        OSError: it has one.
    """
    if (Path(name_or_path) / 'custom_generate').exists():
        raise OSError(_code_help(what, name_or_path))


def _code_help(what: str, name_or_path: str) -> str:
    return (
        f'The {what} "{name_or_path}" comes with code of its own, which is never run. Give one that a class of '
        'transformers reads; if it is one, remove auto_map from its json files, or its folder custom_generate.'
    )


def loading_help(what: str, name_or_path: str, local_files_only: bool, error: Exception) -> str:
    """What went wrong when ``what`` could not be loaded, and what to do about it."""
    if asks_to_run_code(error):
        return _code_help(what, name_or_path)
    if local_files_only:
        cure = (
            'It was looked for on this machine only (local_files_only=True). Give the path of a folder that holds it '
            '(config.json, model.safetensors, tokenizer.json), or set local_files_only=False to fetch it from the hub '
            'by name. The encoders that configs look for in weights/ come with: bash tools/fetch_weights.sh.'
        )
    else:
        cure = (
            'Check the name and the network, and that HF_HUB_OFFLINE is not set; or give the path of a folder that '
            'holds it (config.json, model.safetensors, tokenizer.json).'
        )
    return f'Cannot load the {what} "{name_or_path}". {cure} The cause: {error}'
