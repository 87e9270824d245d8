"""Text encoder (paper, section 3.1): a text model of ``transformers``, which yields contextual and lexical words.

Shapes: T texts, NT tokens (padded to the longest text of the batch), D width.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, cast

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models.state_dict_hooks import rename_old
from slan_mm.models.text.architectures import find_architecture, load_model, random_model
from slan_mm.models.text.token_order import reading_order, sentence_first
from slan_mm.models.text.unknown_words import UnknownWords
from slan_mm.models.tower_blocks import freeze
from slan_mm.plain_text import is_whole, short
from slan_mm.registry import MODELS, TOKENIZERS
from slan_mm.structures import EncodedWords, TextTokens


def _take(states: Tensor, place: Tensor | None) -> Tensor:
    """Each token's state (T, NT, D) of those (T, N, D) of a model; ``place`` is that of :func:`reading_order`."""
    return states if place is None else states.gather(1, place.unsqueeze(-1).expand(-1, -1, states.shape[-1]))


def _lower(text: str) -> str:
    """``text`` in lower case, character by character, so that spans stay those of ``text``."""
    return ''.join(low if len(low := character.lower()) == 1 else character for character in text)


@MODELS.register_module()
class TextEncoder(BaseModule):
    """A text model of ``transformers`` with its tokenizer: any of :data:`ARCHITECTURES`.

    It returns two sequences of words: contextual ones, which have read their sentence, and lexical ones of the
    embedding layer, which have not. Position 0 is the token that stands for the whole text, [CLS] below, whatever place
    the architecture gives it.

    Args:
        tokenizer: config of a tokenizer in ``TOKENIZERS``, or a name or path for ``HFTokenizer``.
        model: a hub name or a local folder, of a text model or of an image-text pair; or keyword arguments of the
            config class for random weights, with ``model_type`` (default 'bert'). The vocabulary of a random model is
            the tokenizer's unless given.
        max_words: most tokens of a text, [CLS] and [SEP] included; longer texts are cut and counted.
        frozen: the model stays in evaluation mode and gets no gradient.
        learn_last: only the last so many blocks of the model learn, and what follows them; None: all, or none if
            ``frozen``.
        lora: settings of ``peft.LoraConfig``, see :func:`add_lora`: of the model LoRA alone learns. Extra ``lora``.
        embed_dims: D. Where it differs from the model's width, one linear projection each for contextual and lexical
            words is added. None: the model's width.
        local_files_only: never touch the network for ``model`` (nor for a tokenizer given as a string).
        attn_implementation: of the model, e.g. 'eager'; None: the fastest one that it has.
        word_std: of random weights, the standard deviation of the word embeddings; None: the model's own, BERT's: 0.02.
            That is also the deviation of positions and types, so two words at one position start almost alike, and a
            contrastive loss merges words that images cannot distinguish yet.
        init_cfg: as everywhere in MMEngine.

    Raises:
        OSError: tokenizer or weights cannot be loaded; the message says what to do.
        ValueError: the weights are of an unknown architecture or incomplete; the sizes of model, tokenizer and
            ``max_words`` do not fit each other; or ``word_std`` is given with loaded weights.
    """

    #: The facts of a ``model_type``.
    find_architecture = staticmethod(find_architecture)

    def __init__(
        self,
        tokenizer: dict | str,
        model: dict | str,
        max_words: int = 32,
        frozen: bool = False,
        learn_last: int | None = None,
        lora: dict | None = None,
        embed_dims: int | None = None,
        local_files_only: bool = True,
        attn_implementation: str | None = None,
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
        #: Texts are padded to a multiple of so many tokens, ``max_words`` at most; a compiled model sets it.
        self.length_multiple = 1
        self.frozen = frozen
        #: Where the weights of the model come from; None: random.
        self.source = model if isinstance(model, str) else None
        self.truncated = 0
        self.unknown_words = UnknownWords()
        if word_std is not None and isinstance(model, str):
            raise ValueError(f'word_std={word_std} is for random weights; those of {model} are loaded.')
        if isinstance(model, str):
            self.backbone, self.facts = load_model(model, local_files_only, attn_implementation, self.find_architecture)
        else:
            own = dict(model)
            self.facts = self.find_architecture(own.pop('model_type', 'bert'), 'model')
            config = {'vocab_size': len(self.tokenizer), 'pad_token_id': self.tokenizer.pad_token_id} | own
            self.backbone = random_model(self.facts, attn_implementation, **config)
            if word_std is not None:
                with torch.no_grad():
                    self.word_embeddings.weight.mul_(word_std / self.backbone.config.initializer_range)
        # transformers has initialised or loaded it; MMEngine's init_weights must leave it alone.
        self.backbone.is_init = True  # type: ignore[assignment]
        for name, parameter in self.backbone.named_parameters():
            # Distributed training asks that the loss reaches every parameter that learns.
            if name.startswith(self.facts.unread):
                parameter.requires_grad_(False)
        self.register_load_state_dict_pre_hook(rename_old)
        self._check_sizes()
        hidden = self.hidden_dims
        self.embed_dims = hidden if embed_dims is None else embed_dims
        self.contextual_projection = nn.Identity() if self.embed_dims == hidden else nn.Linear(hidden, self.embed_dims)
        self.lexical_projection = nn.Identity() if self.embed_dims == hidden else nn.Linear(hidden, self.embed_dims)
        self._frozen_modules = freeze(self.backbone, frozen, learn_last, lora, 'text.encoder')

    def _check_sizes(self) -> None:
        config = self.backbone.config
        if config.vocab_size < len(self.tokenizer):
            raise ValueError(
                f'The text encoder knows {config.vocab_size} tokens, its tokenizer {len(self.tokenizer)}: they do not '
                'belong together.'
            )
        positions = config.max_position_embeddings
        if self.facts.after_padding:
            positions -= config.pad_token_id + 1
        if not 3 <= self.max_words <= positions:
            raise ValueError(
                f"max_words {self.max_words} must lie between 3 ([CLS], a word, [SEP]) and the text encoder's "
                f'{positions} positions.'
            )

    @property
    def vocab_size(self) -> int:
        """Rows of the word embedding matrix (at least the tokens that the tokenizer knows)."""
        return self.backbone.config.vocab_size

    @property
    def word_embeddings(self) -> nn.Embedding:
        """The (vocab_size, model's width) word embedding matrix, e.g. to tie a masked language model's output to."""
        return cast('nn.Embedding', self.backbone.get_input_embeddings())

    @property
    def hidden_dims(self) -> int:
        """Width of the model's own words."""
        return self.backbone.config.hidden_size

    def train(self, mode: bool = True) -> TextEncoder:
        """Sets the mode; a frozen model stays in evaluation mode (no dropout)."""
        super().train(mode)
        for module in self._frozen_modules:
            module.eval()
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
        sentence, padding_id = self.facts.sentence, self.tokenizer.pad_token_id
        batch = self.tokenizer(
            [self._as_read(text) for text in texts],
            padding='longest',
            padding_side='right',
            truncation=True,
            # With 'padding' one more token joins below.
            max_length=self.max_words - (sentence == 'padding'),
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
        self._see_unknown(texts, batch.encodings)
        tokens = sentence_first(tokens, sentence, padding_id)
        length = -(-tokens.input_ids.shape[1] // self.length_multiple) * self.length_multiple
        tokens = tokens.padded(min(length, self.max_words), padding_id) if self.length_multiple > 1 else tokens
        return tokens.to(device=self.word_embeddings.weight.device)

    def _as_read(self, text: str) -> str:
        return _lower(text) if self.facts.lower else text

    def count_tokens(self, text: str) -> int:
        """How many of ``max_words`` a whole ``text`` takes, special tokens included."""
        return len(self.tokenizer(self._as_read(text), verbose=False)['input_ids']) + (self.facts.sentence == 'padding')

    def _reading_order(self, tokens: TextTokens) -> tuple[Tensor, Tensor | None, Tensor | None]:
        positions = self.backbone.config.max_position_embeddings
        return reading_order(tokens, self.facts.sentence, self.tokenizer.pad_token_id, positions)

    def _see_unknown(self, texts: Sequence[str], encodings: Sequence[Any]) -> None:
        unknown_id = self.tokenizer.unk_token_id
        if unknown_id is None:  # bytes are known all
            return
        words, count = [], 0
        for text, encoding in zip(texts, encodings, strict=True):
            special = encoding.special_tokens_mask
            count += len(special) - sum(special)
            if unknown_id in encoding.ids:
                tokens = zip(encoding.ids, special, encoding.offsets, strict=True)
                words += [text[start:end] for token, added, (start, end) in tokens if token == unknown_id and not added]
        # A training would name words of every foreign script that comes up.
        self.unknown_words.see(words, count, name_them=not self.training)

    def extract(self, tokens: TextTokens) -> EncodedWords:
        """The model's own words (T, NT, its width); without gradient if ``frozen``."""
        ids, mask, place = self._reading_order(tokens)
        with torch.no_grad() if self.frozen else nullcontext():
            output = self.backbone(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        return EncodedWords(
            contextual=_take(output.last_hidden_state, place), lexical=_take(output.hidden_states[0], place)
        )

    def extract_lexical(self, tokens: TextTokens) -> Tensor:
        """The lexical words of :meth:`extract` alone, at the cost of the embedding layer."""
        ids, _, place = self._reading_order(tokens)
        return _take(self.backbone.get_submodule(self.facts.embeddings)(input_ids=ids), place)

    def project(self, words: EncodedWords) -> EncodedWords:
        """Words of width D."""
        return EncodedWords(
            contextual=self.contextual_projection(words.contextual), lexical=self.lexical_projection(words.lexical)
        )

    def forward(self, tokens: TextTokens) -> EncodedWords:
        """Contextual and lexical words (T, NT, D). Padding has no meaning: use ``tokens.mask``."""
        return self.project(self.extract(tokens))
