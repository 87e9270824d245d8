"""Encoders in front of which a store stands: its features are a source of what ``extract`` returns.

All else is the encoder's own, parameters' names included, so that checkpoints serve with and without a store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from slan_mm.feature_store import images, texts
from slan_mm.feature_store.keys import hash_config
from slan_mm.models.image.encoder import ImageEncoder
from slan_mm.models.image.pair import PairImageEncoder
from slan_mm.models.text.encoder import TextEncoder
from slan_mm.models.text.pair import PairTextEncoder
from slan_mm.registry import MODELS
from slan_mm.structures import EncodedWords, TextTokens
from slan_mm.weights_file import hash_weights

#: Arguments of a backbone that say where its weights come from; the weights themselves tell encoders apart.
_SOURCES = ('init_cfg', 'pretrained', 'checkpoint_path')
#: What a text model's config says of the files it came from.
_OF_FILES = ('_name_or_path', 'architectures', 'torch_dtype', 'transformers_version', 'tokenizer_class')


@MODELS.register_module()
class StoredImageEncoder(ImageEncoder):
    """An image encoder that takes the levels of a store as it takes pictures.

    Which store is the data set's choice: its ``LoadCachedFeatures`` reads it. Pictures go through the backbone.

    Args:
        encoder: what :class:`ImageEncoder` takes; ``frozen`` must be True.

    Raises:
        ValueError: the encoder is not frozen.
    """

    def __init__(self, *encoder: Any, **options: Any) -> None:
        super().__init__(*encoder, **options)
        if not self.frozen:
            raise ValueError('Stored features take the place of a frozen backbone: set image.encoder.frozen=True.')
        self._checked: set[str] = set()

    def store_header(self) -> dict[str, str]:
        """What a store of this encoder's levels depends on: weights and config of the backbone, as hashes."""
        backbone = {key: value for key, value in self.backbone_config.items() if key not in _SOURCES}
        return {'weights': hash_weights(self.backbone), 'encoder': hash_config([backbone, self.out_levels])}

    def extract(self, inputs: Tensor | images.StoredLevels | Sequence[Tensor]) -> list[Tensor]:
        """As :meth:`ImageEncoder.extract`; of a batch of a store, its levels.

        Raises:
            FeatureStoreError: the store was made with other weights or another config of the backbone.
        """
        if not isinstance(inputs, images.StoredLevels):
            return super().extract(inputs)
        for store in inputs.stores:
            if store not in self._checked:
                images.ImageStore(store).check(self.store_header(), images.WHAT)
                self._checked.add(store)
        return inputs.levels


@MODELS.register_module()
class StoredTextEncoder(TextEncoder):
    """A text encoder that takes the words of a text from a store, and runs for texts that the store lacks.

    Args:
        store: folder of a store of this encoder's words. One of other weights is refused when it is first used.
        encoder: what :class:`TextEncoder` takes; ``frozen`` must be True.

    Raises:
        ValueError: the encoder is not frozen.
    """

    def __init__(self, store: str, **encoder: Any) -> None:
        if not encoder.get('frozen'):
            raise ValueError(f'The feature store {store} takes the place of a frozen text model: set frozen=True.')
        super().__init__(**encoder)
        self.store = store
        self._reader: texts.TextStore | None = None

    def store_header(self) -> dict[str, str]:
        """What a store of this encoder's words depends on: weights and config of the text model, as hashes."""
        config = self.backbone.config.to_dict()
        if config['model_type'] == 'bert':
            names = ('num_attention_heads', 'hidden_act', 'layer_norm_eps', 'position_embedding_type')
            # The 0 tells that lexical words are the embedding layer's; stores of earlier versions have it, too.
            own = [0, *(config.get(name) for name in names)]
        else:
            own = [{name: value for name, value in config.items() if name not in _OF_FILES}]
        return {'weights': hash_weights(self.backbone), 'encoder': hash_config(own)}

    def run(self, tokens: TextTokens) -> EncodedWords:
        """What the encoder itself makes of ``tokens``."""
        return super().extract(tokens)

    def extract(self, tokens: TextTokens) -> EncodedWords:
        """As :meth:`TextEncoder.extract`, from the store as far as it has the texts.

        Raises:
            FeatureStoreError: there is no such store, it is unfinished, or of other weights.
        """
        if self._reader is None:
            reader = texts.TextStore(self.store)
            reader.check(self.store_header(), texts.WHAT)
            self._reader = reader
        mask, weight = tokens.mask.cpu(), self.word_embeddings.weight
        rows = self._reader.find(tokens.input_ids.cpu(), mask)
        with torch.no_grad():
            words = EncodedWords(
                contextual=self._reader.gather(rows, mask, self.hidden_dims).to(weight),
                lexical=self.extract_lexical(tokens),
            )
        lost = torch.tensor([number for number, row in enumerate(rows) if row is None], dtype=torch.long)
        if len(lost):
            lost = lost.to(weight.device)
            run = self.run(tokens[lost])
            for name in ('contextual', 'lexical'):
                values = getattr(words, name)
                values[lost] = getattr(run, name).to(values.dtype)
        return words


@MODELS.register_module()
class StoredPairImageEncoder(StoredImageEncoder, PairImageEncoder):
    """As :class:`StoredImageEncoder`, of a pair; its embedding is the last stored level."""


@MODELS.register_module()
class StoredPairTextEncoder(StoredTextEncoder, PairTextEncoder):
    """As :class:`StoredTextEncoder`, of a pair."""
