"""The base model of SLAN and every task model: an image branch, a text branch, and the locator that joins them.

``forward`` sends a batch to ``loss``, ``predict`` or ``_forward``, which tasks implement. ``encode_image``,
``encode_text`` and ``locate`` are public: features are computed once per image and once per text, and ``locate`` takes
any list of pairs of them. A task adds a head to what ``locate`` returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from slan_mm.models.hub import HubModel
from slan_mm.models.image.branch import ImageBranch
from slan_mm.models.locator.detector import RegionDetector
from slan_mm.models.lora import take_without_lora
from slan_mm.models.named_towers import BRANCHES, fill_towers
from slan_mm.models.sizes import build_sized
from slan_mm.models.state_dict_hooks import refuse_other_architecture, rename_old
from slan_mm.models.text.branch import TextBranch
from slan_mm.models.tower_blocks import depths
from slan_mm.models.tower_preprocessor import check_normalisation
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, Located, TextFeatures, TextTokens


def _check_feature_levels(locator: nn.Module, num_levels: int) -> None:
    for number, adaptor in enumerate(locator.adaptors):  # type: ignore[arg-type]
        if not 1 <= adaptor.feature_level <= num_levels:
            raise ValueError(
                f'locator.adaptors[{number}].feature_level is {adaptor.feature_level}, the pyramid of image.decoder '
                f'has the levels 1 to {num_levels}'
            )


def _refuse_raw_pixels(pictures: Tensor, preprocessor: nn.Module) -> None:
    """Refuses images (..., 3, H, W) that are pixels of 0 to 255 as they are: their features would be meaningless.

    An image is refused if no value is below 0 and one is above normalised white, by the ``mean`` and ``std`` of the
    ``preprocessor``. Without these nothing is checked.

    Raises:
        ValueError: See above.
    """
    mean, std = getattr(preprocessor, 'mean', None), getattr(preprocessor, 'std', None)
    if mean is None or std is None or torch.compiler.is_compiling() or not pictures.numel():
        return
    if pictures.is_floating_point():
        low, high = torch.aminmax(pictures)
        try:
            raw = bool((low >= 0) & (high > ((255 - mean) / std).max() + 1e-3))
        except RuntimeError:  # shapes alone, without values, as a count of operations runs on
            return
    else:
        raw = True
    if raw:
        raise ValueError(
            f'encode_image takes normalised pictures; these are {pictures.dtype} and look like pixels of 0 to 255. '
            "Give them to model.data_preprocessor(dict(inputs=...))['inputs'] first, or the files to embed_images."
        )


class BaseSLAN(BaseModel, HubModel):
    """Image branch, text branch and locator; subclasses add heads, ``loss`` and ``predict``.

    Its parameters have the same names in every subclass, so that a pre-training checkpoint is any task's ``load_from``.
    A checkpoint of another architecture is refused, see :func:`refuse_other_architecture`.

    Args:
        image: Config of the image branch: ``encoder``, ``decoder``, ``detector``, ``pooling``.
        text: Config of the text branch: ``encoder``.
        locator: Config of the locator.
        embed_dims: Width D, shared by all components.
        itc_dims: Width E of the embeddings that ITC compares.
        itc_hidden, itc_dropout: Hidden width and dropout of the projections to them; None is one linear layer.
        space_dims: Width C of each region-word space; 'lexical' is needed by the locator.
        map_terms: The region-word terms whose cosines are summed in the word-activation maps, by which regions are kept
            and moved; 'lexical' is the first. 'contextual' distinguishes a red circle from a red square once the model
            has learned shapes. Before that, contextual words, which mix their neighbours, blur the maps.
        data_preprocessor: Config of the data preprocessor.
        objective: Not used, so that a task's config may inherit a pre-training model.

    Raises:
        ValueError: ``space_dims`` has no 'lexical', ``map_terms`` does not begin with it or has an unknown term, or
            sizes of components do not fit each other; the message names the setting.
    """

    #: Whether features hold what ITC and the region-word terms compare. Where they do not, its parameters are frozen.
    contrasts = False
    #: Whether regions are scored in the region-word spaces, as for phrases and classes.
    scores_regions = False

    def __init__(
        self,
        image: dict,
        text: dict,
        locator: dict,
        embed_dims: int = 768,
        itc_dims: int = 256,
        space_dims: dict[str, int] | None = None,
        map_terms: Sequence[str] = ('lexical',),
        itc_hidden: int | None = None,
        itc_dropout: float = 0.0,
        data_preprocessor: dict | None = None,
        objective: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        # MMEngine would look for it in its own registry, and find it only under a default scope.
        super().__init__(MODELS.build(data_preprocessor or dict(type='PairDataPreprocessor')), init_cfg)
        self.embed_dims = embed_dims
        self.itc_dims = itc_dims
        self.space_dims = space_dims or dict(lexical=256, contextual=256)
        if 'lexical' not in self.space_dims:
            raise ValueError("space_dims needs the term 'lexical': the locator moves regions in that space")
        if tuple(map_terms[:1]) != ('lexical',) or set(map_terms) - set(self.space_dims):
            raise ValueError(f"map_terms are 'lexical' and others of {sorted(self.space_dims)}, got {map_terms}")
        widths: dict[str, Any] = dict(
            embed_dims=embed_dims,
            itc_dims=itc_dims,
            space_dims=self.space_dims,
            itc_hidden=itc_hidden,
            itc_dropout=itc_dropout,
        )
        self.image_branch: ImageBranch = build_sized(
            dict(type='ImageBranch') | image, 'image', map_terms=map_terms, **widths
        )
        check_normalisation(self.data_preprocessor, getattr(self.image_branch.encoder, 'backbone', None))
        self.text_branch: TextBranch = build_sized(dict(type='TextBranch') | text, 'text', **widths)
        self.locator = build_sized(
            dict(type='SelfLocator') | locator, 'locator', embed_dims=embed_dims, map_terms=map_terms
        )
        _check_feature_levels(self.locator, self.image_branch.decoder.num_levels)
        self._freeze_unread()
        self.register_load_state_dict_pre_hook(rename_old)
        self.register_load_state_dict_pre_hook(fill_towers)
        self.register_load_state_dict_pre_hook(take_without_lora)
        self.register_load_state_dict_pre_hook(refuse_other_architecture)

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """The layer of a parameter, and the number of layers, for layer-wise decay of the learning rate.

        mmpretrain's ``LearningRateDecayOptimWrapperConstructor`` asks for it. Layers are counted down from the heads:
        each block of a tower is one further away than the next, its embeddings one further than its first block.
        """
        towers = {f'{branch}.encoder.backbone.': getattr(self, branch).encoder.backbone for branch in BRANCHES}
        own = {
            start: depths(tower) for start, tower in towers.items() if any(p.requires_grad for p in tower.parameters())
        }
        deepest = max((max(found.values()) for found in own.values()), default=0)
        name, below = param_name.removeprefix(prefix), 0
        for start, found in own.items():
            if name.startswith(start):
                below = found[name.removeprefix(start)]
        return deepest - below, deepest + 1

    def _freeze_unread(self) -> None:
        """Freezes what the task does not read: distributed training needs a gradient for every trainable parameter."""
        if self.contrasts:
            return
        image, text = self.image_branch, self.text_branch
        unread = [*image.itc_modules(), *text.itc_modules()]
        if not self.scores_regions:
            unread += [
                branch.spaces[term] for branch in (image, text) for term in branch.spaces if term not in image.map_terms
            ]
        for module in unread:
            module.requires_grad_(False)
        if self.locator.filter.conditioned and isinstance(image.detector, RegionDetector):
            image.detector.freeze_saliency()

    def forward(self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor') -> Any:
        """MMEngine's three modes: 'loss' returns a dict of losses, 'predict' the samples with predictions, 'tensor' the
        result of the task's ``_forward``."""
        samples = data_samples or []
        if mode == 'loss':
            return self.loss(inputs, samples)
        if mode == 'predict':
            return self.predict(inputs, samples)
        if mode == 'tensor':
            return self._forward(inputs, samples)
        raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """The losses of a batch. Entries named ``loss_...`` are minimised; others are only logged."""
        raise NotImplementedError

    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """The samples with predictions."""
        raise NotImplementedError

    def _forward(self, inputs: Tensor, data_samples: list) -> Any:
        """Image i and the text of sample i, located."""
        return self.locate(self.encode_image(inputs), self.encode_text([sample.text for sample in data_samples]))

    def tokenize(self, texts: Sequence[str]) -> TextTokens:
        """Tokens of ``texts``, on the model's device."""
        return self.text_branch.tokenize(list(texts)).to(next(self.parameters()).device)

    def encode_image(self, inputs: Tensor | Sequence[Tensor]) -> ImageFeatures:
        """Features of B images (B, 3, H, W), normalised; or from the levels of a feature store.

        Raises:
            ValueError: The images look like pixels of 0 to 255, which the data preprocessor has not normalised.
        """
        if isinstance(inputs, Tensor):
            _refuse_raw_pixels(inputs, self.data_preprocessor)
        return self.image_branch(inputs, contrast=self.contrasts)

    def encode_text(self, texts: Sequence[str] | TextTokens) -> TextFeatures:
        """Features of T texts."""
        tokens = texts if isinstance(texts, TextTokens) else self.tokenize(texts)
        return self.text_branch(tokens, contrast=self.contrasts)

    def locate(
        self, image: ImageFeatures, text: TextFeatures, pairs: PairIndex | None = None, levels: int | None = None
    ) -> Located:
        """The words of the texts in the images of P ``pairs`` of B images and T texts; None: of text p in image p.

        ``levels``: How many of the locator's adaptors they go through; None: all.
        """
        return self.locator(image, text, pairs, levels)
