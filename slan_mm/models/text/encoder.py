"""Text encoder (paper, section 3.1): BERT, which yields contextual and lexical words.

Shapes: T texts, NT tokens (padded to the longest text of the batch), D width.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import nn
from transformers import BertConfig, BertModel, PretrainedConfig

from slan_mm.models.text.tokenizer import loading_help
from slan_mm.models.text.unknown_words import UnknownWords
from slan_mm.plain_text import is_whole, short
from slan_mm.registry import MODELS, TOKENIZERS
from slan_mm.structures import EncodedWords, TextTokens


def _load_bert(name_or_path: str, local_files_only: bool, attn_implementation: str) -> BertModel:
    try:
        kind = PretrainedConfig.get_config_dict(name_or_path, local_files_only=local_files_only)[0].get('model_type')
        if kind == 'bert':
            bert, report = BertModel.from_pretrained(
                name_or_path,
                add_pooling_layer=False,
                local_files_only=local_files_only,
                attn_implementation=attn_implementation,
                output_loading_info=True,
            )
    except Exception as error:  # of the hub, of safetensors, of torch: one advice fits them all
        raise OSError(loading_help('text encoder', name_or_path, local_files_only, error)) from error
    if kind != 'bert':
        raise ValueError(f'{name_or_path} is a model of type {kind}; give one that transformers.BertModel reads.')
    if report['missing_keys']:  # transformers only warns, and leaves them random
        raise ValueError(
            f'The weights at {name_or_path} lack {len(report["missing_keys"])} tensors that its config.json asks for: '
            f'{sorted(report["missing_keys"])[:3]}... Get the files again.'
        )
    return bert


@MODELS.register_module()
class TextEncoder(BaseModule):
    """A ``transformers.BertModel`` with its tokenizer.

    It returns two sequences of words: contextual ones, which have read their sentence (position 0 is [CLS]), and
    lexical ones of BERT's embedding layer, which have not.

    Args:
        tokenizer: config of a tokenizer in ``TOKENIZERS``, or a name or path for ``HFTokenizer``.
        model: a hub name or a local folder; or keyword arguments of ``BertConfig`` for random weights. The vocabulary
            of a random model is the tokenizer's unless given.
        max_words: most tokens of a text, [CLS] and [SEP] included; longer texts are cut and counted.
        frozen: BERT stays in evaluation mode and gets no gradient.
        embed_dims: D. Where it differs from BERT's width, one linear projection each for contextual and lexical words
            is added. None: BERT's width.
        local_files_only: never touch the network for ``model`` (nor for a tokenizer given as a string).
        attn_implementation: of BERT.
        word_std: of random weights, the standard deviation of the word embeddings; None: BERT's, 0.02. That is also the
            deviation of positions and types, so two words at one position start almost alike, and a contrastive
            loss merges words that images cannot distinguish yet.
        init_cfg: as everywhere in MMEngine.

    Raises:
        OSError: tokenizer or weights cannot be loaded; the message says what to do.
        ValueError: the weights are of another kind of model or incomplete; the sizes of model, tokenizer and
            ``max_words`` do not fit each other; or ``word_std`` is given with loaded weights.
    """

    def __init__(
        self,
        tokenizer: dict | str,
        model: dict | str,
        max_words: int = 32,
        frozen: bool = False,
        embed_dims: int | None = None,
        local_files_only: bool = True,
        attn_implementation: str = 'sdpa',
        word_std: float | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        # A training process forks data workers after it has used the tokenizer; its threads would not survive that.
        os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')
        if isinstance(tokenizer, str):
            tokenizer = {'type': 'HFTokenizer', 'name_or_path': tokenizer, 'local_files_only': local_files_only}
        self.tokenizer = TOKENIZERS.build(tokenizer)
        self.max_words = max_words
        self.frozen = frozen
        self.truncated = 0
        self.unknown_words = UnknownWords()
        if word_std is not None and isinstance(model, str):
            raise ValueError(f'word_std={word_std} is for random weights; those of {model} are loaded.')
        if isinstance(model, str):
            self.bert = _load_bert(model, local_files_only, attn_implementation)
        else:
            config = {'vocab_size': len(self.tokenizer), 'pad_token_id': self.tokenizer.pad_token_id} | dict(model)
            self.bert = BertModel(
                BertConfig(**config, attn_implementation=attn_implementation), add_pooling_layer=False
            )
            if word_std is not None:
                with torch.no_grad():
                    self.word_embeddings.weight.mul_(word_std / self.bert.config.initializer_range)
        # transformers has initialised or loaded it; MMEngine's init_weights must leave it alone.
        self.bert.is_init = True  # type: ignore[assignment]
        self._check_sizes()
        hidden = self.hidden_dims
        self.embed_dims = hidden if embed_dims is None else embed_dims
        self.contextual_projection = nn.Identity() if self.embed_dims == hidden else nn.Linear(hidden, self.embed_dims)
        self.lexical_projection = nn.Identity() if self.embed_dims == hidden else nn.Linear(hidden, self.embed_dims)
        if frozen:
            self.bert.requires_grad_(False)
            self.bert.eval()

    def _check_sizes(self) -> None:
        config = self.bert.config
        if config.vocab_size < len(self.tokenizer):
            raise ValueError(
                f'The text encoder knows {config.vocab_size} tokens, its tokenizer {len(self.tokenizer)}: they do not '
                'belong together.'
            )
        if not 3 <= self.max_words <= config.max_position_embeddings:
            raise ValueError(
                f"max_words {self.max_words} must lie between 3 ([CLS], a word, [SEP]) and the text encoder's "
                f'{config.max_position_embeddings} positions.'
            )

    @property
    def vocab_size(self) -> int:
        """Rows of the word embedding matrix (at least the tokens that the tokenizer knows)."""
        return self.bert.config.vocab_size

    @property
    def word_embeddings(self) -> nn.Embedding:
        """The (vocab_size, BERT's width) word embedding matrix, e.g. to tie a masked language model's output to."""
        return self.bert.get_input_embeddings()

    @property
    def hidden_dims(self) -> int:
        """Width of BERT's own words."""
        return self.bert.config.hidden_size

    def train(self, mode: bool = True) -> TextEncoder:
        """Sets the mode; a frozen BERT stays in evaluation mode (no dropout)."""
        super().train(mode)
        if self.frozen:
            self.bert.eval()
        return self

    def tokenize(self, texts: Sequence[str]) -> TextTokens:
        """Tokens of T >= 1 texts on the encoder's device, padded to the longest of them.

        Texts of more than ``max_words`` tokens are cut; ``truncated`` counts them and the first one is warned of.
        Words that the tokenizer does not know are counted and told, see :class:`UnknownWords`.
        """
        if isinstance(texts, str) or not texts:
            raise ValueError(f'tokenize takes a list of at least one text, not {texts!r}.')
        for text in texts:
            if not isinstance(text, str) or not is_whole(text):
                raise ValueError(f'{short(text)} is no text, or has half of a character.')
        batch = self.tokenizer(
            list(texts),
            padding='longest',
            truncation=True,
            max_length=self.max_words,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_attention_mask=True,
            return_tensors='pt',
        )
        cut = [index for index, encoding in enumerate(batch.encodings) if encoding.overflowing]
        if cut and not self.truncated:
            print_log(
                f'A text has more than max_words = {self.max_words} tokens and is cut: "{texts[cut[0]]}". Further '
                'ones are counted (TextEncoder.truncated), not reported.',
                logger='current',
                level=30,
            )
        self.truncated += len(cut)
        mask = batch['attention_mask'].bool()
        tokens = TextTokens(
            input_ids=batch['input_ids'],
            mask=mask,
            word_mask=mask & ~batch['special_tokens_mask'].bool(),
            offsets=batch['offset_mapping'],
        )
        self._see_unknown(texts, tokens)
        return tokens.to(device=self.word_embeddings.weight.device)

    def _see_unknown(self, texts: Sequence[str], tokens: TextTokens) -> None:
        unknown = tokens.word_mask & (tokens.input_ids == self.tokenizer.unk_token_id)
        places = unknown.nonzero().tolist()
        spans = tokens.offsets[unknown].tolist()
        words = [texts[row][start:end] for (row, _), (start, end) in zip(places, spans, strict=True)]
        # A training would name words of every foreign script that comes up.
        self.unknown_words.see(words, int(tokens.word_mask.sum()), name_them=not self.training)

    def extract(self, tokens: TextTokens) -> EncodedWords:
        """BERT's own words (T, NT, BERT's width); without gradient if ``frozen``."""
        with torch.no_grad() if self.frozen else nullcontext():
            states = self.bert(
                input_ids=tokens.input_ids, attention_mask=tokens.mask.long(), output_hidden_states=True
            ).hidden_states
        return EncodedWords(contextual=states[-1], lexical=states[0])

    def project(self, words: EncodedWords) -> EncodedWords:
        """Words of width D."""
        return EncodedWords(
            contextual=self.contextual_projection(words.contextual), lexical=self.lexical_projection(words.lexical)
        )

    def forward(self, tokens: TextTokens) -> EncodedWords:
        """Contextual and lexical words (T, NT, D). Padding has no meaning: use ``tokens.mask``."""
        return self.project(self.extract(tokens))
