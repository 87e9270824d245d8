"""Packages that some tasks alone need: what each is for, and the line that installs it.

``setup.py``, ``tools/setup_env.sh`` and ``tools/doctor.py`` read these tables before anything is installed: nothing but
Python's own library is imported here.
"""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from typing import NamedTuple


class Extra(NamedTuple):
    """An extra of the package: ``pip install -e '.[name]'`` or ``tools/setup_env.sh --extra name``.

    - ``packages``: of each package the versions it may have. A package is imported by its own name.
    - ``needed_by``: what does not work without them, as it stands in messages.
    """

    packages: dict[str, str]
    needed_by: str


EXTRAS = {
    'video': Extra(
        {'av': '>=15,<19'},
        'video files (LoadVideo; tools/infer.py with videos; configs/video_retrieval/*_msrvtt_*.py)',
    ),
    'heic': Extra({'pi_heif': '>=1.4,<2'}, 'HEIC images, as iPhones take them (LoadImage)'),
    'shards': Extra({'webdataset': '>=1.0.2,<2'}, 'image-text pairs in tar shards (WebPairDataset)'),
    'captions': Extra(
        {'pycocoevalcap': '>=1.2,<2'},
        'caption scores (CaptionMetric; tools/train.py and tools/test.py with configs/captioning/*.py)',
    ),
    'lora': Extra({'peft': '>=0.17.1,<0.18'}, 'LoRA (lora of an image or text encoder)'),
    'export': Extra(
        {'onnx': '>=1.20,<2', 'onnxscript': '>=0.5.6,<1', 'onnxruntime': '>=1.23.2,<2'},
        'ONNX models (tools/model_converters/slan_to_onnx.py)',
    ),
    'parquet': Extra(
        {'pyarrow': '>=26.0.1,<27'},
        'parquet files (data sets of Hugging Face: tools/prepare_own_data.py; indexes of pictures for Milvus: '
        'tools/index.py export --format milvus)',
    ),
    'app': Extra({'gradio': '>=6.17.3,<6.18'}, 'the app in the browser (tools/app.py)'),
    'lancedb': Extra(
        {'lancedb': '>=0.40,<0.41'}, 'indexes of pictures in LanceDB (tools/index.py add --engine lancedb)'
    ),
}
#: Packages that serve the installation alone: where mmcv works, their absence costs nothing.
INSTALLERS = ('setuptools', 'wheel', 'ninja', 'click')
#: Packages of requirements/ that only some commands need; everything needs the others.
PARTLY_NEEDED = {
    'setuptools': 'tools/setup_env.sh, to install this package',
    'wheel': 'tools/setup_env.sh, to compile mmcv',
    'ninja': 'tools/setup_env.sh, to compile mmcv',
    'timm': 'image encoders of timm (tools/fetch_weights.sh; configs/pretrain/slan_own_data_pretrained.py and all '
    'configs whose names begin with slan_small)',
    'faiss-cpu': 'slan_mm.apis (tools/infer.py, tools/index.py, tools/search.py, tools/visualize.py, '
    'tools/model_converters/)',
    'textblob': 'noun phrases of texts that mark none (tools/infer.py grounding, tools/search.py, tools/visualize.py)',
}


def install_line(extra: str) -> str:
    """The command line that installs an extra's packages beside what is installed, for this Python."""
    packages = [package + versions for package, versions in EXTRAS[extra].packages.items()]
    return shlex.join([sys.executable, '-m', 'pip', 'install', *packages])


def missing_packages(extra: str) -> list[str]:
    """The packages of an extra that are not installed."""
    return [package for package in EXTRAS[extra].packages if find_spec(package) is None]


def require_extra(extra: str) -> None:
    """Checks that an extra is installed. To be called before work begins: where a data set or a metric is built.

    Raises:
        ModuleNotFoundError: A package of it is missing; the message has the line that installs it.
    """
    missing = missing_packages(extra)
    if missing:
        raise ModuleNotFoundError(
            f'{", ".join(missing)} not installed: needed by {EXTRAS[extra].needed_by}. Install: {install_line(extra)}'
        )
