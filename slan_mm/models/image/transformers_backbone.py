"""Vision towers of ``transformers`` as a backbone whose output is maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import transformers
from mmengine.model import BaseModule
from torch import Tensor, nn
from transformers.utils import ModelOutput

from slan_mm.models.pretrained import find_facts, load_pretrained, read_config_file
from slan_mm.models.resizing import whole_patches
from slan_mm.registry import MODELS


@dataclass(frozen=True)
class VisionArchitecture:
    """Facts of a vision tower.

    - ``model``, ``config``: its classes in ``transformers``.
    - ``prefix``: tokens before those of the patches, [CLS]; a config's registers join them.
    - ``norm``: the last norm; ``normalises``: whether the tower puts its patches through it by itself.
    - ``interpolates``: whether it must be told to resize its position embeddings to an image's size.
    - ``takes_patches``: whether its input are patches, a mask and the grid's size, as for images of native aspect ratio
      ("naflex"), in place of images.
    - ``unread``: parameters that the patches do not depend on.
    - ``layers``: its transformer layers, where a layer can run on patches one by one.
    - ``pair``: of the vision tower of an image-text pair, the class that has the projection to the pair's space;
      ``projection``: this module; ``pooled``: where its output has the image's embedding; ``width``: where its config
      has the width of this space.
    """

    model: str
    config: str
    norm: str
    prefix: int = 0
    normalises: bool = True
    interpolates: bool = False
    takes_patches: bool = False
    unread: tuple[str, ...] = ()
    layers: str = ''
    pair: str = ''
    projection: str = ''
    pooled: str = ''
    width: str = ''


_POST, _MASK = 'vision_model.post_layernorm', ('embeddings.mask_token',)
_LAYERS = 'vision_model.encoder.layers'


def _siglip(name: str, **facts: bool) -> VisionArchitecture:
    return VisionArchitecture(
        f'{name}VisionModel',
        f'{name}VisionConfig',
        _POST,
        unread=('vision_model.head.',),
        layers=_LAYERS,
        pair=f'{name}VisionModel',
        projection='vision_model.head',
        pooled='pooler_output',
        width='hidden_size',
        **facts,  # type: ignore[arg-type]
    )


#: By the ``model_type`` of a tower's config.
ARCHITECTURES = {
    'clip_vision_model': VisionArchitecture(
        'CLIPVisionModel',
        'CLIPVisionConfig',
        _POST,
        prefix=1,
        normalises=False,
        interpolates=True,
        layers=_LAYERS,
        pair='CLIPVisionModelWithProjection',
        projection='visual_projection',
        pooled='image_embeds',
        width='projection_dim',
    ),
    'siglip_vision_model': _siglip('Siglip', interpolates=True),
    'siglip2_vision_model': _siglip('Siglip2', takes_patches=True),
    'dinov2': VisionArchitecture('Dinov2Model', 'Dinov2Config', 'layernorm', prefix=1, unread=_MASK),
    'dinov2_with_registers': VisionArchitecture(
        'Dinov2WithRegistersModel', 'Dinov2WithRegistersConfig', 'layernorm', prefix=1, unread=_MASK
    ),
}
#: Image-text pairs, of which the vision tower is read.
PAIRS = {'clip': 'clip_vision_model', 'siglip': 'siglip_vision_model', 'siglip2': 'siglip2_vision_model'}


def find_architecture(model_type: str, where: str) -> VisionArchitecture:
    """The facts of a ``model_type``, that of a pair included; ``where`` it is, for the message.

    Raises:
        ValueError: it is unknown; the message names the known ones.
    """
    return find_facts(model_type, where, ARCHITECTURES, PAIRS, 'TransformersBackbone')


def find_pair_tower(model_type: str, where: str) -> VisionArchitecture:
    """As :func:`find_architecture`, of a vision tower with its projection to the space of its pair.

    Raises:
        ValueError: also, it is no vision tower of a pair.
    """
    facts = find_architecture(model_type, where)
    if not facts.pair:
        raise ValueError(
            f'{where} is a model of type {model_type!r}, and no vision tower of an image-text pair: '
            f'{", ".join(sorted(PAIRS))}'
        )
    return replace(facts, model=facts.pair, unread=())


def _patches(images: Tensor, size: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Images (B, 3, H, W) as rows of their patches (B, N, size * size * 3), and what goes with these into the model."""
    rows = images.unflatten(3, (-1, size)).unflatten(2, (-1, size))
    grid = images.new_tensor([rows.shape[2], rows.shape[4]], dtype=torch.long)
    rows = rows.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)
    mask = torch.ones(rows.shape[:2], dtype=torch.long, device=images.device)
    return rows, {'pixel_attention_mask': mask, 'spatial_shapes': grid.expand(len(images), 2)}


@MODELS.register_module()
class TransformersBackbone(BaseModule):
    """A vision transformer of ``transformers``: patch tokens, without [CLS] and registers, as maps.

    An image of any size is read: it is resized to whole patches (:func:`whole_patches`), and position embeddings are
    resized. Images are normalised by the mean and deviation that the tower was trained with: see
    :class:`TowerDataPreprocessor`.

    Args:
        model: a hub name or a local folder, of a tower or of an image-text pair; or keyword arguments of the config
            class for random weights, with ``model_type``.
        out_layers: after which layers, 0 being the embeddings and -1 the last. The last is normalised as the tower
            does; the others are not.
        value_path: in the last layer each patch attends to itself alone, so that its token keeps to its place. The last
            layers of CLIP-like towers mix places: what they were trained for is one vector of the image. As MaskCLIP
            (Zhou et al., 2022).
        local_files_only: never touch the network.
        init_cfg: as everywhere in MMEngine.

    Raises:
        OSError: the weights cannot be loaded; the message says what to do.
        ValueError: the architecture is unknown, the weights are incomplete, or ``value_path`` is of another tower than
            that of a pair.
    """

    #: The facts of a ``model_type``.
    find_architecture = staticmethod(find_architecture)

    def __init__(
        self,
        model: dict | str,
        out_layers: Sequence[int] = (-1,),
        value_path: bool = False,
        local_files_only: bool = True,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        #: Where the weights come from, and whether they are on this machine.
        self.source = (model, local_files_only) if isinstance(model, str) else None
        if isinstance(model, str):
            what = 'image encoder'
            config = read_config_file(what, model, local_files_only)
            self.facts = self.find_architecture(str(config.get('model_type')), model)
            # A pair says its width beside its towers, and need not repeat it in them.
            told = self.facts.width in config and 'vision_config' in config
            options = {self.facts.width: config[self.facts.width]} if told else {}
            kind = getattr(transformers, self.facts.model)
            self.model = load_pretrained(what, model, kind, local_files_only, **options)
        else:
            own: dict[str, Any] = dict(model)
            self.facts = self.find_architecture(own.pop('model_type', 'nothing'), 'model')
            self.model = getattr(transformers, self.facts.model)(getattr(transformers, self.facts.config)(**own))
        # transformers has initialised or loaded it; MMEngine's init_weights must leave it alone.
        self.model.is_init = True  # type: ignore[assignment]
        layers = self.model.config.num_hidden_layers
        if any(not -layers - 1 <= layer <= layers for layer in out_layers):
            raise ValueError(f'out_layers {list(out_layers)}: {self.facts.model} has {layers} layers.')
        self.out_layers = [layer % (layers + 1) for layer in out_layers]
        if value_path and not self.facts.layers:
            raise ValueError(f'value_path is for the towers of {", ".join(sorted(PAIRS))}, not for {self.facts.model}.')
        self.value_path = value_path
        self._freeze_unread(layers)

    def _freeze_unread(self, layers: int) -> None:
        """Distributed training asks that the loss reaches every parameter that learns."""
        unread = list(self.facts.unread)
        if layers not in self.out_layers:
            lists = [name for name, module in self.model.named_modules() if isinstance(module, nn.ModuleList)]
            unread += [f'{self.facts.norm}.']
            unread += [f'{name}.{layer}.' for name in lists for layer in range(max(self.out_layers), layers)]
        for name, parameter in self.model.named_parameters():
            if name.startswith(tuple(unread)):
                parameter.requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps (B, C, H / p, W / p), rounded, of images (B, 3, H, W) normalised, one for each of ``out_layers``.

        Raises:
            ValueError: an image is smaller than a patch of p x p.
        """
        return self.run(images)[0]

    def run(self, images: Tensor) -> tuple[tuple[Tensor, ...], ModelOutput]:
        """The maps of :meth:`forward`, and the model's own output."""
        patch = self.model.config.patch_size
        if min(images.shape[-2:]) < patch:
            size = f'{images.shape[-2]} x {images.shape[-1]}'
            raise ValueError(f'an image of {size} is smaller than a patch of {patch} x {patch}.')
        images = whole_patches(images, patch)
        height, width = images.shape[-2] // patch, images.shape[-1] // patch
        options: dict[str, Any] = {'interpolate_pos_encoding': True} if self.facts.interpolates else {}
        if self.facts.takes_patches:
            images, options = _patches(images, patch)
        output = self.model(images, output_hidden_states=True, **options)
        last = output.last_hidden_state
        if self.value_path:
            last = self._alone(output.hidden_states[-2])
        if self.value_path or not self.facts.normalises:
            last = self.model.get_submodule(self.facts.norm)(last)
        states = [*output.hidden_states[:-1], last]
        prefix = self.facts.prefix + getattr(self.model.config, 'num_register_tokens', 0)
        maps = tuple(
            states[layer][:, prefix:].transpose(1, 2).unflatten(2, (height, width)).contiguous()
            for layer in self.out_layers
        )
        return maps, output

    def _alone(self, tokens: Tensor) -> Tensor:
        """The last layer of each of ``tokens`` (B, N, C) without the others: attention to one token is its value."""
        layer = self.model.get_submodule(self.facts.layers)[-1]  # type: ignore[index]
        # No mask.
        return layer(tokens.reshape(-1, 1, tokens.shape[-1]), None, None)[0].reshape(tokens.shape)
