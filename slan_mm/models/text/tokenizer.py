"""A Hugging Face tokenizer by name or path, for the config of a text encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from slan_mm.models.pretrained import asks_to_run_code, loading_help
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
        tokenizer = None if asks_to_run_code(error) else _of_tokenizer_json(name_or_path, kwargs)
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
