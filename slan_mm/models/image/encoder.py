"""Image encoder (paper, section 3.1): any backbone, and a 1x1 projection of its levels to one map V of width D.

Shapes: B images, C_l channels and H_l x W_l cells of level l, D width, V (B, D, H, W).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models.image.alignment import align
from slan_mm.models.image.backbone_weights import load_backbone
from slan_mm.models.lora import restart_lora
from slan_mm.models.resizing import whole_patches
from slan_mm.models.sizes import check_divides
from slan_mm.models.tower_blocks import freeze
from slan_mm.registry import MODELS


def _source_of(backbone: Mapping[str, Any]) -> str | None:
    """What a backbone's config says of where its weights come from."""
    init_cfg = backbone.get('init_cfg')
    named = [backbone.get('model'), backbone.get('checkpoint_path')]
    named += [init_cfg.get('checkpoint')] if isinstance(init_cfg, Mapping) else []
    named += [backbone.get('model_name')] if backbone.get('pretrained') else []
    return next((name for name in named if isinstance(name, str)), None)


def _patch_size(backbone: nn.Module) -> int:
    """The side in pixels of a vision transformer's patches; 1 of what has none."""
    for name, module in backbone.named_modules():
        # As timm's and mmpretrain's are called; those of transformers look after it themselves.
        if name.rsplit('.', 1)[-1] == 'patch_embed':
            first = next((part for part in module.modules() if isinstance(part, nn.Conv2d)), None)
            if first is not None and first.kernel_size == first.stride and first.stride[0] == first.stride[1]:
                return int(first.stride[0])
    return 1


@MODELS.register_module()
class ImageEncoder(BaseModule):
    """A backbone by config and the projection of one or several of its levels.

    ``extract`` runs the backbone, ``project`` does the rest, ``forward`` is both.

    Args:
        backbone: config of any backbone whose output is a map (B, C, H, W) or a tuple of such, e.g. ``mmdet.ResNet``,
            ``mmpretrain.VisionTransformer`` with ``out_type='featmap'``, ``mmpretrain.TIMMBackbone``,
            :class:`TransformersBackbone`. Of a vision transformer images are resized to whole patches.
        embed_dims: D.
        out_levels: indices into the backbone's output tuple, -1 being the last.
        out_stride_level: index into ``out_levels`` of the level whose resolution V has. None: the finest.
        cell_centres: for each level the centre of a receptive field in its cell, see :func:`align`. None: the middle.
        norm_cfg: norm after each projection. None is the paper's plain projection.
        in_channels: channels of the levels used, one number for all or one each. None: they are found when the encoder
            is built, by running the backbone once on an empty image of its ``img_size``, or of 224 x 224.
        frozen: the backbone stays in evaluation mode and gets no gradient.
        learn_last: only the last so many blocks of the backbone learn, and what follows them; None: all, or none if
            ``frozen``.
        lora: settings of ``peft.LoraConfig``, see :func:`add_lora`: of the backbone LoRA alone learns. Extra ``lora``.
        backbone_checkpoint: ``.safetensors`` or ``.pth`` file of the backbone's weights, read by ``init_weights``.
        init_cfg: as everywhere in MMEngine.
    """

    def __init__(
        self,
        backbone: dict,
        embed_dims: int,
        out_levels: int | Sequence[int] = -1,
        out_stride_level: int | None = None,
        cell_centres: Sequence[float] | None = None,
        norm_cfg: dict | None = None,
        in_channels: int | Sequence[int] | None = None,
        frozen: bool = False,
        learn_last: int | None = None,
        lora: dict | None = None,
        backbone_checkpoint: str | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.out_levels = [out_levels] if isinstance(out_levels, int) else list(out_levels)
        if out_stride_level is not None and not 0 <= out_stride_level < len(self.out_levels):
            raise ValueError(
                f'out_stride_level {out_stride_level} is no index into the {len(self.out_levels)} levels used.'
            )
        self.cell_centres = [0.5] * len(self.out_levels) if cell_centres is None else list(cell_centres)
        if len(self.cell_centres) != len(self.out_levels):
            raise ValueError(
                f'cell_centres names {len(self.cell_centres)} levels, out_levels {len(self.out_levels)}; '
                'give one centre for each level.'
            )
        self.embed_dims = embed_dims
        self.out_stride_level = out_stride_level
        self.frozen = frozen
        self.backbone_checkpoint = backbone_checkpoint
        self.backbone_config = dict(backbone)
        #: Where the weights of the backbone come from; None: random.
        self.source = backbone_checkpoint or _source_of(backbone)
        self.backbone = MODELS.build(backbone)
        self._patch = _patch_size(self.backbone)
        if in_channels is None:
            self.in_channels = self._find_channels()
        else:
            several = [in_channels] * len(self.out_levels) if isinstance(in_channels, int) else in_channels
            self.in_channels = list(several)
        if len(self.in_channels) != len(self.out_levels):
            raise ValueError(
                f'in_channels names {len(self.in_channels)} levels, out_levels {len(self.out_levels)}; '
                'give one number of channels for each level, or leave it out.'
            )
        if norm_cfg:
            check_divides('image.encoder', 'norm_cfg.num_groups', norm_cfg.get('num_groups', 1), embed_dims)
        projections = [nn.Conv2d(channels, embed_dims, 1) for channels in self.in_channels]
        for projection in projections:
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)  # type: ignore[arg-type]
        self.projections = nn.ModuleList(projections)
        self.norms = nn.ModuleList(
            build_norm_layer(norm_cfg, embed_dims)[1] if norm_cfg else nn.Identity() for _ in self.projections
        )
        self._frozen_modules = freeze(self.backbone, frozen, learn_last, lora, 'image.encoder')

    @torch.no_grad()
    def _find_channels(self) -> list[int]:
        """The channels of the levels used, of an empty image."""
        size = self.backbone_config.get('img_size', 224)
        height, width = (size, size) if isinstance(size, int) else size
        weight = next(self.backbone.parameters(), torch.empty(0))
        modes = {module: module.training for module in self.backbone.modules()}
        # Nothing is learned from it: neither statistics nor random numbers.
        self.backbone.eval()
        try:
            levels = self._levels(weight.new_zeros(1, 3, height, width))
        except (RuntimeError, AssertionError, TypeError) as error:
            raise ValueError(
                f'{type(self.backbone).__name__} does not take a picture of {height} x {width}, by which its channels '
                f'would be found; give image.encoder.in_channels, or the img_size of the backbone. {error}'
            ) from error
        finally:
            for module, training in modes.items():
                module.training = training
        return [level.shape[1] for level in levels]

    def init_weights(self) -> None:
        """Initialises the backbone as its own config says, then reads ``backbone_checkpoint`` if there is one.

        Raises:
            FileNotFoundError, ValueError: see ``load_backbone``.
            ValueError: the checkpoint lacks weights of a frozen backbone, which would stay random.
        """
        loaded = self.is_init
        super().init_weights()
        if self.backbone_checkpoint and not loaded:
            missing, _ = load_backbone(self.backbone, self.backbone_checkpoint)
            if missing and self.frozen:
                raise ValueError(
                    f'{self.backbone_checkpoint} lacks {len(missing)} tensors of the frozen backbone, which would stay '
                    f'random: {missing[:5]}.'
                )
        if not loaded:
            restart_lora(self.backbone)

    def train(self, mode: bool = True) -> ImageEncoder:
        """Sets the mode; a frozen backbone stays in evaluation mode (no dropout, fixed batch statistics)."""
        super().train(mode)
        for module in self._frozen_modules:
            module.eval()
        return self

    def extract(self, inputs: Tensor | Sequence[Tensor]) -> list[Tensor]:
        """The backbone's chosen levels.

        Args:
            inputs: (B, 3, H, W) normalised images; or levels that this method has made, which are returned as they
                are.

        Returns:
            Maps (B, C_l, H_l, W_l), one for each of ``out_levels``; without gradient if ``frozen``.

        Raises:
            ValueError: the backbone has no such level, its output is no map, or ``in_channels`` is wrong.
        """
        if not isinstance(inputs, Tensor):
            return list(inputs)
        with torch.no_grad() if self.frozen else nullcontext():
            levels = self._levels(inputs)
        channels = [level.shape[1] for level in levels]
        if channels != self.in_channels:
            raise ValueError(
                f'image.encoder.in_channels is {self.in_channels}, but out_levels {self.out_levels} of '
                f'{type(self.backbone).__name__} have {channels} channels: leave in_channels out of the config.'
            )
        return levels

    def _levels(self, inputs: Tensor) -> list[Tensor]:
        """The maps of ``out_levels``, of images (B, 3, H, W)."""
        return self.choose(self.backbone(whole_patches(inputs, self._patch)))

    def choose(self, outputs: Tensor | Sequence[Tensor]) -> list[Tensor]:
        """The maps of ``out_levels`` among the ``outputs`` of the backbone.

        Raises:
            ValueError: it has no such level, or its output is no map.
        """
        outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        name = type(self.backbone).__name__
        if any(not isinstance(output, Tensor) or output.dim() != 4 for output in outputs):
            raise ValueError(
                f'{name} must yield maps (B, C, H, W). For a vision transformer of mmpretrain set '
                "out_type='featmap'; for a classifier of timm set features_only=True."
            )
        if any(not -len(outputs) <= level < len(outputs) for level in self.out_levels):
            raise ValueError(f'out_levels {self.out_levels}: {name} yields {len(outputs)} levels only.')
        return [outputs[level] for level in self.out_levels]

    def project(self, levels: Sequence[Tensor]) -> Tensor:
        """Projects levels (B, C_l, H_l, W_l) to width D, resizes them to one resolution and sums them: V (B, D, H, W).

        Of a single level this is the paper's 1x1 projection.
        """
        if [level.shape[1] for level in levels] != self.in_channels:
            raise ValueError(
                f'Levels of {[level.shape[1] for level in levels]} channels were given, in_channels is '
                f'{self.in_channels}.'
            )
        dtype = next(self.projections.parameters()).dtype
        maps = [
            norm(projection(level.to(dtype)))
            for level, projection, norm in zip(levels, self.projections, self.norms, strict=True)
        ]
        resized = self.resize(maps)
        return torch.stack(resized).sum(dim=0) if len(resized) > 1 else resized[0]

    def resize(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """``maps`` (B, C_l, H_l, W_l), one for each level, at the resolution of V, aligned."""
        if self.out_stride_level is None:
            height, width = max((level.shape[-2:] for level in maps), key=lambda shape: shape[0] * shape[1])
        else:
            height, width = maps[self.out_stride_level].shape[-2:]
        return [align(level, (height, width), centre) for level, centre in zip(maps, self.cell_centres, strict=True)]

    def forward(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        """V (B, D, H, W) of images (B, 3, H, W), or of levels extracted earlier."""
        return self.project(self.extract(inputs))
