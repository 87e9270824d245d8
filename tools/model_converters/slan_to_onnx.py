"""Writes a trained model as three ONNX models, or as three torch.export programs, and checks them.

    python tools/model_converters/slan_to_onnx.py CONFIG CHECKPOINT out --size 224
    python tools/model_converters/slan_to_onnx.py CONFIG CHECKPOINT out --size 224 --format torch

``encode_image``, ``encode_text`` and ``locate`` are written, see docs/export.md. ONNX models are run by onnxruntime on
the inputs that they were made with; an output that differs from PyTorch's by more than 1e-4 is an error.
"""

import argparse
import sys
from pathlib import Path

from slan_mm.arguments import out_folder, real
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import ModelParser, add_model, add_settings, option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = ModelParser(description='Writes a trained model as ONNX or torch.export programs.')
    add_model(parser)
    parser.add_argument('out', type=option(out_folder), help='folder to write to')
    parser.add_argument(
        '--size', type=positive, nargs='+', default=[224], help='height and width of the pictures, or both'
    )
    parser.add_argument('--format', choices=['onnx', 'torch'], default='onnx', help='ONNX, or torch.export (.pt2)')
    parser.add_argument('--tolerance', type=option(real(0)), default=1e-4, help='largest difference allowed')
    add_settings(parser)
    options = parser.parse_args(arguments)
    if len(options.size) > 2:
        parser.error('--size takes one number or two')
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch

from slan_mm.apis import init_model
from slan_mm.apis.export import Part, export_parts, onnx_runner
from slan_mm.extras import require_extra
from slan_mm.own_files import claim


def largest_difference(part: Part, path: Path) -> float:
    """How much the outputs of the ONNX model at ``path`` differ from those of ``part`` on its example."""
    with torch.no_grad():
        expected = dict(zip(part.outputs, part.module(*part.inputs.values()), strict=True))
    outputs = onnx_runner(path)(part.inputs)
    return max(float((value.double() - expected[name].double()).abs().max()) for name, value in outputs.items())


@one_line_errors
def main(arguments: list[str] | None = None) -> int:
    """Exports; returns the exit code."""
    options = parse_options(arguments)
    if options.format == 'onnx':
        require_extra('export')
    model = init_model(options.config, options.checkpoint, 'cpu', options.cfg_options)
    ending = 'onnx' if options.format == 'onnx' else 'pt2'
    size = (options.size[0], options.size[-1])
    failed = False
    parts = export_parts(model, size)
    claim(options.out, [f'{part.name}.{ending}' for part in parts], 'ONNX')
    for part in parts:
        path = options.out / f'{part.name}.{ending}'
        if options.format == 'torch':
            torch.export.save(part.program, path)
            print(f'{path}: {len(part.inputs)} inputs, {len(part.outputs)} outputs')
            continue
        part.to_onnx(path)
        difference = largest_difference(part, path)
        failed |= not difference <= options.tolerance
        print(f'{path}: {len(part.inputs)} inputs, {len(part.outputs)} outputs, differ by {difference:.1e}')
    if failed:
        print(f'outputs differ by more than {options.tolerance:g}')
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
