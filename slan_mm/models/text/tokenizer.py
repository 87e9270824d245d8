"""A Hugging Face tokenizer by name or path, for the config of a text encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from slan_mm.registry import TOKENIZERS


@TOKENIZERS.register_module(name='HFTokenizer')
def hf_tokenizer(name_or_path: str, local_files_only: bool = True, **kwargs: Any) -> PreTrainedTokenizerBase:
    """Loads a fast tokenizer, which gives the character span of each token.

    Args:
        name_or_path: a hub name or a folder with ``tokenizer.json`` or ``vocab.txt``.
        local_files_only: never touch the network; a hub name is then found only in the local cache.
        kwargs: handed to ``AutoTokenizer.from_pretrained``.

    Raises:
        OSError: it cannot be loaded, or only by code that comes with it; the message says what to do.
        ValueError: the tokenizer has no fast version.
    """
    try:
        # None, which stands for False elsewhere, would ask on the console whether to run what the folder brings along.
        tokenizer = AutoTokenizer.from_pretrained(
            name_or_path, local_files_only=local_files_only, trust_remote_code=False, **kwargs
        )
    except Exception as error:  # of the hub, of tokenizers: one advice fits them all
        tokenizer = _of_tokenizer_json(name_or_path, kwargs)
        if tokenizer is None:
            raise OSError(loading_help('tokenizer', name_or_path, local_files_only, error)) from error
    if not tokenizer.is_fast:
        tokenizer = _of_tokenizer_json(name_or_path, kwargs) or tokenizer
    if not tokenizer.is_fast:
        raise ValueError(
            f'The tokenizer {name_or_path} has no fast version, so character spans of its tokens are lost.'
        )
    return tokenizer


def _of_tokenizer_json(folder: str, kwargs: dict[str, Any]) -> PreTrainedTokenizerFast | None:
    """The tokenizer of a folder whose class has no fast version, as SigLIP's, or needs a package; None without file."""
    if not (Path(folder) / 'tokenizer.json').is_file():
        return None
    try:
        return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True, **kwargs)
    except Exception:  # damaged: the first error tells more
        return None


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
    if 'trust_remote_code' in str(error):
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
