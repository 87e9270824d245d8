"""What the text encoder must know of each architecture of ``transformers``: a row of facts, no class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import transformers
from transformers import PretrainedConfig, PreTrainedModel

from slan_mm.models.pretrained import find_facts, load_pretrained, read_config_file


@dataclass(frozen=True)
class TextArchitecture:
    """Facts of a text model.

    - ``model``, ``config``: its classes in ``transformers``.
    - ``sentence``: whose last hidden state stands for the whole text: the 'first' token ([CLS]), the 'last' one (EOS),
      or that of 'padding': the last position of a text that is padded to the greatest length, padding attended.
    - ``embeddings``: the module that embeds tokens, without their sentence.
    - ``after_padding``: whether positions are counted from the padding token's id on, and so fewer than there are.
    - ``pooler``: whether the class builds a pooler that no one reads unless it is told not to.
    - ``unread``: parameters that the words do not depend on.
    - ``lower``: whether it was trained on lower-case texts, which its tokenizer leaves to the caller.
    - ``pair``: of the text tower of an image-text pair, the class that has the projection to the pair's space;
      ``projection``: this module.
    """

    model: str
    config: str
    sentence: str = 'first'
    embeddings: str = 'embeddings'
    after_padding: bool = False
    pooler: bool = False
    unread: tuple[str, ...] = ()
    lower: bool = False
    pair: str = ''
    projection: str = ''


def _tower(name: str, sentence: str, **facts: object) -> TextArchitecture:
    """The text tower of an image-text pair."""
    return TextArchitecture(f'{name}TextModel', f'{name}TextConfig', sentence, 'text_model.embeddings', **facts)  # type: ignore[arg-type]


def _siglip(name: str) -> TextArchitecture:
    head = 'text_model.head'
    return _tower(name, 'padding', unread=(f'{head}.',), lower=True, pair=f'{name}TextModel', projection=head)


#: By the ``model_type`` of a model's config.
ARCHITECTURES = {
    'bert': TextArchitecture('BertModel', 'BertConfig', pooler=True),
    'roberta': TextArchitecture('RobertaModel', 'RobertaConfig', after_padding=True, pooler=True),
    'xlm-roberta': TextArchitecture('XLMRobertaModel', 'XLMRobertaConfig', after_padding=True, pooler=True),
    'mpnet': TextArchitecture('MPNetModel', 'MPNetConfig', after_padding=True, pooler=True),
    'distilbert': TextArchitecture('DistilBertModel', 'DistilBertConfig'),
    'deberta-v2': TextArchitecture('DebertaV2Model', 'DebertaV2Config'),
    'modernbert': TextArchitecture('ModernBertModel', 'ModernBertConfig'),
    # Attention is causal: the first token has seen nothing.
    'clip_text_model': _tower('CLIP', 'last', pair='CLIPTextModelWithProjection', projection='text_projection'),
    'siglip_text_model': _siglip('Siglip'),
    'siglip2_text_model': _siglip('Siglip2'),
}
#: Image-text pairs, of which the text tower is read.
PAIRS = {'clip': 'clip_text_model', 'siglip': 'siglip_text_model', 'siglip2': 'siglip2_text_model'}


def find_architecture(model_type: str, where: str) -> TextArchitecture:
    """The facts of a ``model_type``, that of a pair included.

    Args:
        where: what has this type, for the message.

    Raises:
        ValueError: it is unknown; the message names the known ones.
    """
    return find_facts(model_type, where, ARCHITECTURES, PAIRS, 'the text encoder')


def find_pair_tower(model_type: str, where: str) -> TextArchitecture:
    """As :func:`find_architecture`, of a text tower with its projection to the space of its pair.

    Raises:
        ValueError: also, it is no text tower of a pair.
    """
    facts = find_architecture(model_type, where)
    if not facts.pair:
        raise ValueError(
            f'{where} is a model of type {model_type!r}, and no text tower of an image-text pair: '
            f'{", ".join(sorted(PAIRS))}'
        )
    return replace(facts, model=facts.pair, unread=())


def random_model(facts: TextArchitecture, attn_implementation: str | None, **config: object) -> PreTrainedModel:
    """A model of random weights; ``config`` are arguments of the architecture's config class."""
    own: PretrainedConfig = getattr(transformers, facts.config)(**config, attn_implementation=attn_implementation)
    options = {'add_pooling_layer': False} if facts.pooler else {}
    return getattr(transformers, facts.model)(own, **options)


def load_model(
    name_or_path: str,
    local_files_only: bool,
    attn_implementation: str | None,
    find: Callable[[str, str], TextArchitecture] = find_architecture,
) -> tuple[PreTrainedModel, TextArchitecture]:
    """The text model of a hub name or a folder, that of a pair included, and its facts, which ``find`` finds.

    Raises:
        OSError, ValueError: see :func:`load_pretrained` and ``find``.
    """
    what = 'text encoder'
    config = read_config_file(what, name_or_path, local_files_only)
    facts = find(str(config.get('model_type')), name_or_path)
    options: dict[str, object] = {'add_pooling_layer': False} if facts.pooler else {}
    # A pair says it beside its towers, and need not repeat it in them.
    options |= {'projection_dim': config['projection_dim']} if facts.projection and 'projection_dim' in config else {}
    if attn_implementation is not None:
        options['attn_implementation'] = attn_implementation
    kind = getattr(transformers, facts.model)
    return load_pretrained(what, name_or_path, kind, local_files_only, **options), facts
