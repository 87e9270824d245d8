"""A text decoder with cross-attention (paper, sections 4.2.2 and 4.2.3): ``transformers.BertLMHeadModel``.

Shapes: P pairs, NT tokens of a text (padded to the longest of the call), M tokens of memory, W width of the decoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertLMHeadModel, GenerationConfig, PretrainedConfig, PreTrainedTokenizerBase

from slan_mm.models.heads.detokenize import join_punctuation
from slan_mm.models.heads.memory import Memory
from slan_mm.models.pretrained import loading_help, refuse_code
from slan_mm.registry import MODELS

IGNORE = -100
#: What a BERT encoder's weights lack of a decoder's: it starts from random numbers.
_NEW = ('.crossattention.', 'cls.')


def _load_decoder(name_or_path: str, local_files_only: bool, settings: Mapping[str, Any]) -> BertLMHeadModel:
    refuse_code('text decoder', name_or_path)
    try:
        kind = PretrainedConfig.get_config_dict(name_or_path, local_files_only=local_files_only)[0].get('model_type')
        if kind == 'bert':
            bert, report = BertLMHeadModel.from_pretrained(
                name_or_path,
                local_files_only=local_files_only,
                trust_remote_code=False,
                output_loading_info=True,
                **settings,
            )
    except Exception as error:  # of the hub, of safetensors, of torch: one advice fits them all
        raise OSError(loading_help('text decoder', name_or_path, local_files_only, error)) from error
    if kind != 'bert':
        raise ValueError(f'{name_or_path} is a model of type {kind}; give one that transformers.BertLMHeadModel reads.')
    missing = sorted(report['missing_keys'])
    lost = [name for name in missing if not any(new in name for new in _NEW)]
    if lost:  # transformers only warns, and leaves them random
        raise ValueError(
            f'The weights at {name_or_path} lack {len(lost)} tensors that its config.json asks for: {lost[:3]}... Get '
            'the files again.'
        )
    print_log(
        f'Text decoder from {name_or_path}; {len(missing)} tensors it lacks are random: cross-attention'
        f'{" and the output layer" if any(name.startswith("cls.") for name in missing) else ""}',
        logger='current',
    )
    return bert


@MODELS.register_module()
class TextDecoder(BaseModule):
    """A BERT that generates a text, token by token, with cross-attention to a :class:`Memory`.

    A text is ``[CLS] prompt text [SEP]``: the decoder is given ``[CLS] prompt``, and is trained on and generates ``text
    [SEP]``. Its tokens are those of the text encoder.

    Args:
        tokenizer: The text encoder's tokenizer.
        model: A hub name or a local folder of a BERT, encoder or decoder; or keyword arguments of ``BertConfig`` for
            random weights. The vocabulary of a random model is the tokenizer's unless given.
        prompt: The start of every text; it has no loss and is not returned.
        max_words: Most tokens of a text, ``[CLS]``, prompt and ``[SEP]`` included; longer ones are cut in training.
        num_layers: With a name or folder, keep its first layers only; None keeps all.
        label_smoothing: Of the loss.
        generation: Keyword arguments of ``transformers.GenerationConfig``, e.g. ``dict(num_beams=3,
            min_new_tokens=5)``. ``max_new_tokens`` is the rest of ``max_words``, unless given.
        local_files_only: Never touch the network for ``model``.

    Raises:
        OSError: The weights cannot be loaded; the message says what to do.
        ValueError: The weights are of another kind of model or incomplete; or sizes do not fit each other.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        model: dict | str,
        prompt: str = '',
        max_words: int = 30,
        num_layers: int | None = None,
        label_smoothing: float = 0.0,
        generation: dict | None = None,
        local_files_only: bool = True,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.tokenizer = tokenizer
        self.max_words = max_words
        self.label_smoothing = label_smoothing
        settings: dict[str, Any] = dict(is_decoder=True, add_cross_attention=True, attn_implementation='sdpa')
        if isinstance(model, str):
            if num_layers is not None:
                settings['num_hidden_layers'] = num_layers
            self.bert = _load_decoder(model, local_files_only, settings)
        else:
            config = {'vocab_size': len(tokenizer), 'pad_token_id': tokenizer.pad_token_id} | dict(model) | settings
            self.bert = BertLMHeadModel(BertConfig(**config))
        # transformers has initialised or loaded it; MMEngine's init_weights must leave it alone.
        self.bert.is_init = True  # type: ignore[assignment]
        # [CLS] prompt
        self.start = [tokenizer.cls_token_id, *tokenizer(prompt, add_special_tokens=False)['input_ids']]
        self._check_sizes()
        self.generation = GenerationConfig(
            bos_token_id=tokenizer.cls_token_id,
            eos_token_id=tokenizer.sep_token_id,
            pad_token_id=tokenizer.pad_token_id,
            **(dict(max_new_tokens=max_words - len(self.start), do_sample=False) | (generation or {})),
        )

    def _check_sizes(self) -> None:
        config = self.bert.config
        if config.vocab_size < len(self.tokenizer):
            raise ValueError(
                f'The text decoder knows {config.vocab_size} tokens, the tokenizer of the text encoder '
                f'{len(self.tokenizer)}: they do not belong together.'
            )
        if not len(self.start) + 2 <= self.max_words <= config.max_position_embeddings:
            raise ValueError(
                f'max_words {self.max_words} must lie between {len(self.start) + 2} ([CLS], the prompt, a word, [SEP]) '
                f"and the text decoder's {config.max_position_embeddings} positions."
            )

    @property
    def width(self) -> int:
        """W: the width of the memory it attends to."""
        return self.bert.config.hidden_size

    def rows(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """``[CLS] prompt text [SEP]`` of P texts as ids (P, NT), and the labels (P, NT).

        Labels are -100 at ``[CLS]``, at the prompt and at padding.

        Raises:
            ValueError: A text has no token.
        """
        room = self.max_words - len(self.start) - 1
        bodies = self.tokenizer(list(texts), add_special_tokens=False, truncation=True, max_length=room)['input_ids']
        for text, body in zip(texts, bodies, strict=True):
            if not body:
                raise ValueError(f'there is nothing to learn or score in the text {text!r}: it has no token')
        longest = max(map(len, bodies))
        ids, labels = [], []
        for body in bodies:
            taught, padding = [*body, self.tokenizer.sep_token_id], longest - len(body)
            ids.append([*self.start, *taught, *[self.tokenizer.pad_token_id] * padding])
            labels.append([*[IGNORE] * len(self.start), *taught, *[IGNORE] * padding])
        device = self.bert.device
        return torch.tensor(ids, device=device), torch.tensor(labels, device=device)

    def token_losses(self, memory: Memory, texts: Sequence[str], label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Cross-entropy (P, NT - 1) of each predicted token of P texts, 0 elsewhere; and a mask, True at these."""
        ids, labels = self.rows(texts)
        last = len(self.start) - 1
        states = self.bert.bert(
            input_ids=ids,
            attention_mask=(ids != self.tokenizer.pad_token_id).long(),
            encoder_hidden_states=memory.tokens,
            encoder_attention_mask=memory.mask.long(),
            use_cache=False,
        ).last_hidden_state[:, last:-1]
        labels = labels[:, last + 1 :]
        logits = self.bert.cls(states).float()
        losses = cross_entropy(
            logits.transpose(1, 2), labels, ignore_index=IGNORE, reduction='none', label_smoothing=label_smoothing
        )
        return losses, labels != IGNORE

    def loss(self, memory: Memory, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Each text's cross-entropy, summed over its tokens, (P,); and the number of these, (P,)."""
        losses, predicted = self.token_losses(memory, texts, self.label_smoothing)
        return losses.sum(1), predicted.sum(1)

    def log_probs(self, memory: Memory, texts: Sequence[str]) -> Tensor:
        """The log-probability (P,) of each text, its end included, given the prompt and row p of the memory."""
        return -self.token_losses(memory, texts)[0].sum(1)

    def first_log_probs(self, memory: Memory) -> Tensor:
        """Log-probabilities (P, V) of the token after the prompt."""
        states = self.bert.bert(
            input_ids=torch.tensor([self.start], device=self.bert.device).expand(len(memory), -1),
            encoder_hidden_states=memory.tokens,
            encoder_attention_mask=memory.mask.long(),
            use_cache=False,
        ).last_hidden_state[:, -1]
        return self.bert.cls(states).float().log_softmax(-1)

    def first_scores(self, memory: Memory, texts: Sequence[str]) -> Tensor:
        """Log-probabilities (P, A) of the first token of A texts after the prompt."""
        return self.first_log_probs(memory)[:, self.rows(texts)[0][:, len(self.start)]]

    @torch.no_grad()
    def generate(self, memory: Memory) -> list[str]:
        """Generates P texts, without their prompt."""
        start = torch.tensor([self.start], device=self.bert.device).repeat(len(memory), 1)
        ids = self.bert.generate(
            input_ids=start,
            attention_mask=torch.ones_like(start),
            encoder_hidden_states=memory.tokens,
            encoder_attention_mask=memory.mask.long(),
            generation_config=self.generation,
        )
        texts = self.tokenizer.batch_decode(
            ids[:, len(self.start) :], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return [join_punctuation(text) for text in texts]

    @torch.no_grad()
    def write(self, memory: Memory) -> tuple[list[str], Tensor]:
        """:meth:`generate`, and each text's log-probability (P,) by :meth:`log_probs`; -inf for an empty text."""
        texts = self.generate(memory)
        scores = torch.full((len(texts),), -torch.inf, device=memory.mask.device)
        written = torch.tensor([bool(text) for text in texts], device=memory.mask.device)
        if written.any():
            scores[written] = self.log_probs(memory[written], [text for text in texts if text])
        return texts, scores
