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
            'configs/d.py': '_base_ = ["mmdet::a.py"]\n',
            'README.md': 'two words\n\n```bash\nnot counted\n```\n<!-- nor\nthis -->\n',
            'docs/page.md': 'one',
        },
    )
    configs = sorted((root / 'configs').glob('*.py'))
    assert files.branches([root / 'code.py']) == 3
    assert files.repeated_blocks(configs) == 2  # seven lines hold two blocks of six
    assert [files.config_depth(file) for file in configs] == [1, 2, 3, 2]
    assert files.pages(root) == {'README.md': 2, 'docs/page.md': 1}


STEPS = [
    Call('data', 'forward', ''),
    Call('base', 'forward', ''),
    Call('slan', 'loss', 'base'),
    Call('branch', 'forward', 'slan'),
    Call('encoder', 'extract', 'branch'),
    Call('models/dist.py', 'gather', 'encoder'),
    Call('branch', 'check', 'branch'),  # read on where it was called: no visit
    Call('encoder', 'project', 'branch'),  # back and forth within a stage: a visit, no return
    Call('loss', 'forward', 'base'),
    Call('models/dist.py', 'mean', 'loss'),  # vocabulary: a visit, no return
    Call('loss', 'weight', 'slan'),  # still the same stage
    Call('head', 'forward', 'slan'),
    Call('encoder', 'words', 'head'),  # of the first stage: a return
    Call('encoder', 'more', 'head'),  # the same one
]


def test_a_stage_is_what_the_model_leads_to_and_a_return_is_to_an_earlier_one():
    step = walk.Walk(['slan', 'base'], STEPS)
    assert walk.stages(step) == [
        (['data'], []), (['branch', 'encoder'], []), (['loss'], []), (['head', 'encoder'], ['encoder'])
    ]  # fmt: skip
    assert walk.returns(step) == 1
    assert walk.files_of(STEPS) == ['data', 'base', 'slan', 'branch', 'encoder', 'loss', 'head']
    assert walk.vocabulary_of(STEPS) == ['models/dist.py']


def test_a_stage_that_the_model_comes_back_to_is_another_stage():
    again = [*STEPS, Call('loss', 'late', 'slan')]
    assert walk.stages(walk.Walk(['slan', 'base'], again))[-1] == (['loss'], ['loss'])
    assert walk.returns(walk.Walk(['slan', 'base'], again)) == 2


def test_a_file_that_calls_the_model_belongs_to_it():
    steps = [Call('slan', 'forward', ''), Call('objective', 'all', 'slan'), Call('slan', 'encode', 'objective'),
             Call('branch', 'forward', 'slan'), Call('loss', 'forward', 'objective')]  # fmt: skip
    step = walk.Walk(['slan'], steps)
    assert walk.model_files(step) == {'slan', 'objective'}
    assert [stage.files for stage in walk.stages(step)] == [['branch'], ['loss']]


def test_a_visit_is_a_step_to_a_new_function_of_another_file():
    assert [visit.file for visit in walk.visits(STEPS)] == [
        'data', 'base', 'slan', 'branch', 'encoder', 'models/dist.py', 'encoder', 'loss', 'models/dist.py', 'loss',
        'head', 'encoder'
    ]  # fmt: skip
    assert walk.visits(STEPS)[3].functions == ['forward', 'check']
    assert walk.repeated(STEPS) == 4


def test_a_folder_of_something_else_is_refused(tmp_path):
    count = runpy.run_path(str(ROOT / 'tools/analysis/code_metrics.py'))['count']
    with pytest.raises(FileNotFoundError, match='no folder slan_mm'):
        count(tmp_path)
