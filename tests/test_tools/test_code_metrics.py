"""The counts of a small tree by hand. The walk of a real training step: see test_draw_design.py."""

import runpy
from pathlib import Path

import pytest
from inspecting import files, options, walk
from inspecting.walk import Call

ROOT = Path(__file__).parents[2]


def write(root, texts):
    for name, text in texts.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_options_that_configs_and_ablations_set(tmp_path):
    root = write(
        tmp_path,
        {
            'slan_mm/models/parts.py': """
class Base:
    def __init__(self, shared, data_preprocessor=None, init_cfg=None): ...

@MODELS.register_module()
class Part(Base):
    def __init__(self, width, depth=1, literal=False, never=0, **base):
        self.head = build_sized(head, 'head', width=3)
        self.side = Side(**side, given=1)

class Side:
    def __init__(self, given, wanted): ...

class NotBuilt:
    def __init__(self, other): ...
""",
            'configs/base.py': "model = dict(type='Part', shared=1, depth=2, side=dict(wanted=3))\n",
            'configs/ablation/one.py': "_base_ = '../base.py'\n",
            'configs/ablation/grid.yaml': 'base: configs/base.py\nrows: {row: {options: {model.literal: true}}}\n',
        },
    )
    found = options.count_options(root)
    assert found['classes'] == ['Base', 'Part', 'Side']
    assert found['all'] == ['Base.shared', 'Part.depth', 'Part.literal', 'Part.never', 'Side.wanted']
    assert found['set by no config'] == ['Part.never']
    assert found['set by ablations alone'] == ['Part.literal']


def test_branches_repeated_blocks_depth_and_words(tmp_path):
    block = ''.join(f'a{i} = {i}\n' for i in range(7))
    root = write(
        tmp_path,
        {
            'code.py': 'if a:\n    pass\nelif b:\n    c = 1 if d else 2\n',
            'configs/a.py': f'"""Said once."""\n{block}',
            'configs/b.py': f'"""Said twice."""\n_base_ = ["a.py"]\n# why\n\n{block}z = 1\n',
            'configs/c.py': '_base_ = "b.py"\n',
            'README.md': 'two words\n\n```bash\nnot counted\n```\n<!-- nor\nthis -->\n',
            'docs/page.md': 'one',
        },
    )
    configs = sorted((root / 'configs').glob('*.py'))
    assert files.branches([root / 'code.py']) == 3
    assert files.repeated_blocks(configs) == 2  # seven lines hold two blocks of six
    assert [files.config_depth(file) for file in configs] == [1, 2, 3]
    assert files.pages(root) == {'README.md': 2, 'docs/page.md': 1}


def test_a_return_is_a_visit_to_a_file_that_another_one_led_to_before():
    steps = [
        Call('slan', 'loss', ''),
        Call('base', 'encode', 'slan'),
        Call('branch', 'forward', 'base'),
        Call('base', 'check', 'base'),  # read on where it was called: no visit
        Call('loss', 'forward', 'slan'),
        Call('loss', 'weight', 'slan'),  # still there
        Call('base', 'locate', 'slan'),
    ]
    assert [visit.file for visit in walk.visits(steps)] == ['slan', 'base', 'branch', 'loss', 'base']
    assert walk.visits(steps)[1].functions == ['encode', 'check']
    assert walk.files_of(steps) == ['slan', 'base', 'branch', 'loss']
    assert walk.returns(steps) == 1


def test_a_folder_of_something_else_is_refused(tmp_path):
    count = runpy.run_path(str(ROOT / 'tools/analysis/code_metrics.py'))['count']
    with pytest.raises(FileNotFoundError, match='no folder slan_mm'):
        count(tmp_path)
