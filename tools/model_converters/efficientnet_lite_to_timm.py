"""Renames the parameters of an EfficientNet-Lite checkpoint to those of timm's model of the same size.

    python tools/model_converters/efficientnet_lite_to_timm.py efficientnet_lite0.pth efficientnet_lite0.safetensors
    python tools/model_converters/efficientnet_lite_to_timm.py efficientnet_lite2.pth efficientnet_lite2.safetensors \
        --model tf_efficientnet_lite2

Ports of EfficientNet-Lite name the same tensors in the same order otherwise (``_blocks.0._depthwise_conv.weight`` is
``blocks.0.0.conv_dw.weight``), so they are paired by order; every pair must have one shape and one kind (weight, bias,
running mean, ...). The result loads as ``ImageEncoder.backbone_checkpoint`` with ``mmpretrain.TIMMBackbone``. These
weights expect pictures with mean and std 127.5.
"""

import argparse
from collections.abc import Mapping

from slan_mm.arguments import out_file
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option

MODELS = tuple(f'tf_efficientnet_lite{size}' for size in range(5))


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Renames an EfficientNet-Lite checkpoint to timm's names.")
    parser.add_argument('source', help='.pth or .safetensors file of the port')
    parser.add_argument('target', type=option(out_file), help='.safetensors file to write')
    parser.add_argument('--model', choices=MODELS, default=MODELS[0], help="timm's name of the model (%(default)s)")
    options = parser.parse_args(arguments)
    if options.target.suffix != '.safetensors':
        parser.error(f'the target must end in .safetensors, not {options.target}')
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import timm
from torch import Tensor

from slan_mm.models.image.backbone_weights import read_state_dict
from slan_mm.weights_file import save_weights


def convert(state: Mapping[str, Tensor], reference: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``state`` under the names of ``reference``, paired by order.

    Raises:
        ValueError: the numbers of tensors differ, or a pair differs in shape or kind.
    """
    if len(state) != len(reference):
        raise ValueError(f'The checkpoint has {len(state)} tensors, the model {len(reference)}: another architecture.')
    converted = {}
    for (name, value), (target, expected) in zip(state.items(), reference.items(), strict=True):
        if value.shape != expected.shape or name.rsplit('.', 1)[-1] != target.rsplit('.', 1)[-1]:
            raise ValueError(
                f'{name} {tuple(value.shape)} does not pair with {target} {tuple(expected.shape)}: another '
                'architecture, or another order.'
            )
        converted[target] = value.contiguous()
    return converted


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Converts one file."""
    options = parse_options(arguments)
    converted = convert(
        read_state_dict(options.source), timm.create_model(options.model, pretrained=False).state_dict()
    )
    options.target.parent.mkdir(parents=True, exist_ok=True)
    save_weights(options.target, converted)
    print(f'{len(converted)} tensors written to {options.target}')


if __name__ == '__main__':
    main()
