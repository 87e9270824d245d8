"""What comes with the package beside its modules: configs, tools, the model index and the published weights."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
#: The folder that they lie in: ``.mim`` in an installed wheel, as in OpenMMLab's packages, or the checkout.
ROOT = _PACKAGE / '.mim' if (_PACKAGE / '.mim').is_dir() else _PACKAGE.parent
#: What of the checkout goes into ``.mim``.
PARTS = ('configs', 'tools', 'checkpoints', 'demo', 'requirements', 'model-index.yml')
#: The published model: config and weights, from ``ROOT``.
TINY_MODEL = ('configs/pretrain/slan_tiny_shapes_long.py', 'checkpoints/slan_tiny_shapes_long/model.safetensors')


def find_shipped(path: str) -> str:
    """``path`` as it is where there is such a file; else that of the package, if it names one of its ``PARTS``.

    ``checkpoints/NAME.safetensors`` names the weights in the folder ``checkpoints/NAME``: in the checkout it is a link
    to them, which a wheel cannot hold.
    """
    if path.split('/', 1)[0] not in PARTS or '..' in path.split('/') or Path(path).exists():
        return path
    packaged = ROOT / path
    if packaged.suffix == '.safetensors' and not packaged.exists():
        packaged = packaged.with_suffix('') / 'model.safetensors'
    return str(packaged) if packaged.exists() else path
