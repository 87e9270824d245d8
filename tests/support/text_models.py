"""A small model of each text architecture, with random weights, and a tokenizer of its kind; files as users have."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from slan_mm.models.text.architectures import ARCHITECTURES

CORPUS = [
    'a red circle and a blue square',
    'a green triangle next to the small star',
    'an orange diamond above a large purple cross',
    'yellow pink below of on in with dog cat',
]
_BERT = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
_POSITIONS = dict(max_position_embeddings=24)
_NO_DROPOUT = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
#: Arguments of the config class of each architecture.
SIZES: dict[str, dict[str, Any]] = {
    **dict.fromkeys(('bert', 'roberta', 'xlm-roberta', 'mpnet'), _BERT | _POSITIONS | _NO_DROPOUT),
    'distilbert': dict(dim=16, n_layers=2, n_heads=2, hidden_dim=32, dropout=0.0, attention_dropout=0.0, **_POSITIONS),
    'deberta-v2': _BERT
    | _POSITIONS
    | _NO_DROPOUT
    | dict(relative_attention=True, pos_att_type=['p2c', 'c2p'], position_buckets=8, share_att_key=True),
    'modernbert': _BERT | _POSITIONS | dict(global_attn_every_n_layers=2, local_attention=8),
    **dict.fromkeys(
        ('clip_text_model', 'siglip_text_model', 'siglip2_text_model'), _BERT | _POSITIONS | dict(attention_dropout=0.0)
    ),
}
#: Special tokens of each kind of tokenizer by their role, in the order of their ids.
_SPECIALS = {
    'wordpiece': dict(pad='[PAD]', unk='[UNK]', cls='[CLS]', sep='[SEP]', mask='[MASK]'),
    'bpe': dict(cls='<s>', pad='<pad>', sep='</s>', unk='<unk>', mask='<mask>'),
    'clip': dict(bos='<|startoftext|>', eos='<|endoftext|>'),
    'unigram': dict(unk='<unk>', pad='<pad>', eos='</s>'),
}


def kind_of_tokenizer(architecture: str) -> str:
    """Of which kind a tokenizer of ``architecture`` is."""
    if architecture in ('bert', 'distilbert'):
        return 'wordpiece'
    tower, is_tower, _ = architecture.partition('_text_model')
    return {'clip': 'clip'}.get(tower, 'unigram') if is_tower else 'bpe'


@cache
def build_tokenizer(kind: str) -> PreTrainedTokenizerFast:
    """A fast tokenizer of ``kind``, trained on ``CORPUS`` until some of its words are pieces."""
    special = _SPECIALS[kind]
    listed = list(special.values())
    options = dict(vocab_size=len(listed) + 110, special_tokens=listed, show_progress=False)
    if kind == 'wordpiece':
        tokenizer = Tokenizer(models.WordPiece(unk_token='[UNK]'))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(**options)
        tokenizer.decoder = decoders.WordPiece()
    elif kind == 'unigram':
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(**options, unk_token='<unk>')
    else:
        tokenizer = Tokenizer(models.BPE(end_of_word_suffix='</w>') if kind == 'clip' else models.BPE())
        if kind == 'clip':
            tokenizer.normalizer = normalizers.Lowercase()
            tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
            # Its special tokens come last: open_clip reads a text at its greatest token.
            options |= dict(end_of_word_suffix='</w>', special_tokens=[], vocab_size=110)
        else:
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            alphabet = pre_tokenizers.ByteLevel.alphabet()
            options |= dict(initial_alphabet=alphabet, vocab_size=len(alphabet) + options['vocab_size'])
        trainer = trainers.BpeTrainer(**options)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens(listed)
    before, after = special.get('cls') or special.get('bos'), special.get('sep') or special.get('eos')
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f'{before} $A {after}' if before else f'$A {after}',
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (before, after) if token],
    )
    # CLIP pads with EOS.
    roles = {f'{role}_token': token for role, token in ({'pad': after} | special).items()}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles)


def model_config(architecture: str) -> dict[str, Any]:
    """``model`` of a text encoder of ``architecture`` with random weights."""
    tokenizer = build_tokenizer(kind_of_tokenizer(architecture))
    ids = dict(pad_token_id=tokenizer.pad_token_id, vocab_size=len(tokenizer))
    if architecture.endswith('_text_model'):
        ids |= dict(eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id or 0)
    return dict(model_type=architecture, **SIZES[architecture], **ids)


def save_text_model(architecture: str, folder: Path, seed: int = 0) -> transformers.PreTrainedModel:
    """Saves a model of ``architecture`` and its tokenizer in ``folder``, as a hub's; returns the model."""
    torch.manual_seed(seed)
    config = model_config(architecture)
    del config['model_type']
    facts = ARCHITECTURES[architecture]
    model = getattr(transformers, facts.model)(getattr(transformers, facts.config)(**config)).eval()
    model.save_pretrained(folder)
    build_tokenizer(kind_of_tokenizer(architecture)).save_pretrained(folder)
    return model
