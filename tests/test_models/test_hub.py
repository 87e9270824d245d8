"""Models to and from folders: the same numbers, a card that invents nothing, and nothing of another's is touched."""

import contextlib
import json
import os
import re
import runpy
import shutil
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from safetensors.torch import load_file, save_file
from support.detection import detector_config
from support.pair_models import PAIRS, pair_config, save_pair
from support.processes import run_in_process
from support.tasks import ATTENTION
from support.text_models import save_text_model
from support.toy import SIZE, toy_config
from support.writing import BERT
from transformers import CLIPVisionConfig, CLIPVisionModel

from slan_mm.apis import SLANInferencer, init_model
from slan_mm.models import SLAN, SLANGrounder, VideoRetrieval
from slan_mm.models.base import BaseSLAN
from slan_mm.models.portable_config import portable_parts
from slan_mm.models.trained import build_applied
from slan_mm.own_files import MARK

ROOT = Path(__file__).parents[2]
CONFIG, WEIGHTS = (
    ROOT / 'configs/pretrain/slan_tiny_shapes_long.py',
    ROOT / 'checkpoints/slan_tiny_shapes_long.safetensors',
)
FEW = {f'test_dataloader.{task}.dataset.num_images': 6 for task in ('retrieval', 'grounding')}
TEXT = 'a [red circle] and a [blue star]'


def from_the_folder_alone(folder: Path, picture: Path, out: Path) -> None:
    """What a process writes that is given no config and no checkpoint."""
    os.chdir(out)
    embedding = SLAN.from_pretrained(folder).embed_images(picture)
    (out / 'embedding.json').write_text(json.dumps(embedding.tolist()))
    infer = runpy.run_path(str(ROOT / 'tools/infer.py'))
    asked = [str(picture), '--text', TEXT, '--device', 'cpu', '--out-dir', str(out / 'infer')]
    infer['main'](['grounding', str(folder), *asked])
    sys.argv = ['test.py', str(folder), '--out', str(out / 'metrics.json'), '--work-dir', str(out / 'work')]
    runpy.run_path(str(ROOT / 'tools/test.py'), run_name='__main__')


def toy(**model):
    cfg = Config(dict(model=toy_config(**model), image_size=SIZE, default_scope='slan_mm'))
    torch.manual_seed(0)
    return build_applied(cfg).eval()


@pytest.fixture(scope='module')
def shipped():
    return init_model(CONFIG, WEIGHTS, 'cpu', FEW)


@pytest.fixture(scope='module')
def saved(shipped, tmp_path_factory):
    folder = tmp_path_factory.mktemp('saved') / 'tiny'
    shipped.save_pretrained(folder)
    return folder


@pytest.fixture(scope='module')
def fresh(saved, tmp_path_factory):
    """What a process that is given the folder writes, and the picture that it was given."""
    out = tmp_path_factory.mktemp('fresh')
    picture = out / 'picture.png'
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(picture)
    run_in_process(from_the_folder_alone, saved, picture, out)
    return out


def test_another_process_has_the_same_numbers(shipped, fresh):
    embedding = torch.tensor(json.loads((fresh / 'embedding.json').read_text()))
    torch.testing.assert_close(embedding, shipped.embed_images(fresh / 'picture.png'), atol=1e-6, rtol=0)


def test_tools_infer_has_the_same_numbers_of_the_folder(fresh):
    inferencer = SLANInferencer('grounding', CONFIG, WEIGHTS, device='cpu', show_progress=False)
    (expected,) = inferencer(str(fresh / 'picture.png'), TEXT)['predictions']
    assert json.loads((fresh / 'infer' / 'predictions.json').read_text()) == [expected]


def test_tools_test_has_the_same_numbers_of_the_folder(fresh, tmp_path, monkeypatch):
    from slan_mm.engine.launch import build_runner

    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict({**FEW, 'work_dir': str(tmp_path), 'load_from': str(WEIGHTS), 'launcher': 'none'})
    cfg.experiment_name, cfg.log_level = tmp_path.name, 'ERROR'
    metrics = build_runner(cfg).test()
    found = json.loads((fresh / 'metrics.json').read_text())
    assert found and found == pytest.approx({name: float(value) for name, value in metrics.items()}, nan_ok=True)


@pytest.mark.parametrize(
    'model',
    [
        {},
        dict(type='EarlyExitSLAN', objective__early_itm=dict()),
        dict(type='VideoRetrieval'),
        dict(type='SLANGrounder', head=None, objective=None),
        dict(type='NLVR', head=dict(attention=ATTENTION), objective=None),
        dict(type='SLANCaptioner', decoder=dict(model=dict(BERT), max_words=30), objective=None),
        dict(type='SLANAnswerer', decoder=dict(model=dict(BERT), max_words=30), objective=None),
        detector_config(),
    ],
    ids=lambda model: model.get('type', 'SLAN'),
)
def test_every_class_comes_back_as_it_was(model, tmp_path):
    model = toy(**model)
    model.save_pretrained(tmp_path / 'model')
    loaded = type(model).from_pretrained(tmp_path / 'model')
    assert type(loaded) is type(model) and not loaded.training
    state = loaded.state_dict()
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert type(model).scores_mean and type(model).scores_mean in (tmp_path / 'model/README.md').read_text()
    assert json.loads((tmp_path / 'model/config.json').read_text())['model']['type'] == type(model).__name__


@pytest.mark.parametrize('architecture', ['bert', 'clip_text_model', 'siglip_text_model'])
def test_towers_of_files_are_in_the_folder_and_no_path_of_the_machine(architecture, tmp_path):
    source = tmp_path / 'source'
    save_text_model(architecture, source / 'text')
    vision = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, patch_size=8)
    CLIPVisionModel(CLIPVisionConfig(**vision, image_size=SIZE)).save_pretrained(source / 'vision')
    (source / 'vision' / 'README.md').write_text('---\nlicense: cc-by-4.0\n---\nA tower.')
    model = toy(
        text__encoder=dict(
            type='TextEncoder', tokenizer=str(source / 'text'), model=str(source / 'text'), max_words=20, frozen=True
        ),
        image__encoder=dict(
            type='ImageEncoder', backbone=dict(type='TransformersBackbone', model=str(source / 'vision')), frozen=True
        ),
        image__decoder=dict(type='VisionDecoder', scales=(1, 1)),
        objective__weights=dict(lm=0.0),
    )
    expected = model.embed_texts(['a red circle', 'stars'])
    image = torch.rand(1, 3, SIZE, SIZE)
    levels = model.image_branch.encoder.extract(image)
    model.save_pretrained(tmp_path / 'model')
    shutil.rmtree(source)
    loaded = init_model(tmp_path / 'model', device='cpu')
    torch.testing.assert_close(loaded.embed_texts(['a red circle', 'stars']), expected)
    torch.testing.assert_close(loaded.image_branch.encoder.extract(image), levels)
    for path in (tmp_path / 'model').rglob('*'):
        if path.is_file() and path.suffix != '.safetensors':
            assert str(tmp_path) not in path.read_text(), path.name
    card = (tmp_path / 'model' / 'README.md').read_text()
    assert '| image | CLIPVisionModel | vision | True | cc-by-4.0 |' in card
    assert re.search(r'\| text \| \w+ \| text \| True \| unknown \|', card)


@pytest.mark.parametrize('kind', PAIRS)
def test_a_pair_comes_back_without_its_folder(kind, tmp_path):
    save_pair(kind, tmp_path / 'pair')
    cfg = Config(dict(model=pair_config(kind, tmp_path / 'pair'), image_size=SIZE, default_scope='slan_mm'))
    model = build_applied(cfg).eval()
    image = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    expected = model.similarity([image], ['a red circle', 'a star'])
    model.save_pretrained(tmp_path / 'model')
    shutil.rmtree(tmp_path / 'pair')
    loaded = SLAN.from_pretrained(tmp_path / 'model')
    torch.testing.assert_close(loaded.similarity([image], ['a red circle', 'a star']), expected)


def test_the_card_says_what_the_record_says_and_what_is_unknown(tmp_path):
    model = toy()
    model.record = dict(
        config='configs/x.py',
        command='python tools/train.py configs/x.py --cfg-options load_from=/home/me/weights/start.pth',
        commit='abc',
        steps=7,
        test={'grounding/R1': 12.345678},
    )
    model.save_pretrained(tmp_path / 'one', model_card_kwargs={'license': 'mit'})
    card = huggingface_hub.ModelCard.load(tmp_path / 'one' / 'README.md')
    assert card.data.license == 'mit' and card.data.library_name == 'slan_mm'
    for row in (
        '| command | python tools/train.py configs/x.py --cfg-options load_from=start.pth |',
        '| commit of the code | abc |',
        '| seed | unknown |',
        '| grounding/R1 | 12.3457 |',
    ):
        assert row in card.text
    # What is known goes along with the model.
    SLAN.from_pretrained(tmp_path / 'one').save_pretrained(tmp_path / 'two')
    again = (tmp_path / 'two' / 'README.md').read_text()
    assert '| grounding/R1 | 12.3457 |' in again and 'Licence of these weights: unknown' in again


def test_mistakes_are_told(tmp_path):
    model = toy()
    model.save_pretrained(tmp_path / 'model')
    with pytest.raises(ValueError, match=r'holds a SLAN, which is no SLANGrounder: call SLAN\.from_pretrained'):
        SLANGrounder.from_pretrained(tmp_path / 'model')
    assert type(BaseSLAN.from_pretrained(tmp_path / 'model')) is SLAN
    with pytest.raises(ValueError, match='which is no VideoRetrieval'):
        VideoRetrieval.from_pretrained(tmp_path / 'model')
    with pytest.raises(FileNotFoundError, match='is no folder of a model: it lacks config.json'):
        SLAN.from_pretrained(tmp_path)
    model.cfg = None
    with pytest.raises(ValueError, match='does not know its config'):
        model.save_pretrained(tmp_path / 'other')
    assert not (tmp_path / 'other').exists()


def test_a_folder_of_another_is_left_alone(tmp_path):
    (tmp_path / 'README.md').write_text('mine')
    with pytest.raises(FileExistsError, match=r'README\.md is there already'):
        toy().save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['README.md']


def test_damaged_weights_are_found_and_saving_again_replaces_all(tmp_path):
    model = toy()
    for _ in range(2):
        model.save_pretrained(tmp_path)
    weights = load_file(tmp_path / 'model.safetensors')
    weights['locator.adaptors.0.norm.weight'][0] += 1
    save_file(weights, tmp_path / 'model.safetensors')
    with pytest.raises(ValueError, match=r'model\.safetensors is damaged: run\.json'):
        SLAN.from_pretrained(tmp_path)


def test_saving_that_is_interrupted_leaves_the_old_model_or_is_refused(tmp_path, monkeypatch):
    """At each step of the last one, and before."""
    first, second, rename = toy(), toy(), os.replace
    with torch.no_grad():
        next(second.parameters()).add_(1)

    def interrupted(after):
        def replace(source, target):
            nonlocal after
            if Path(target).parent == folder and Path(target).name != MARK:
                after -= 1
                if after < 0:
                    raise KeyboardInterrupt
            rename(source, target)

        return replace

    outcomes = []
    for after in range(5):
        folder = tmp_path / str(after)
        first.save_pretrained(folder)
        monkeypatch.setattr('os.replace', interrupted(after))
        with contextlib.suppress(KeyboardInterrupt):
            second.save_pretrained(folder)
        monkeypatch.undo()
        try:
            found = next(SLAN.from_pretrained(folder).parameters())
            outcomes.append([torch.equal(found, next(one.parameters())) for one in (first, second)].index(True))
        except ValueError as error:
            outcomes.append('model.safetensors is damaged: run.json' in str(error) and 'refused')
    assert outcomes == [0, 'refused', 'refused', 'refused', 1]


def test_a_config_that_json_cannot_keep_is_refused_before_anything_is_written(tmp_path):
    model = toy()
    model.cfg.model.locator.adaptors[0].move.type = object()
    with pytest.raises(ValueError, match=r'model\.locator\.adaptors\.0\.move\.type is a object'):
        model.save_pretrained(tmp_path / 'model')
    assert not (tmp_path / 'model').exists()


def test_what_is_pushed_is_the_folder(monkeypatch):
    pushed = {}

    def upload(self, folder_path, ignore_patterns, **options):
        pushed.update(files={path.name for path in Path(folder_path).iterdir()}, left=ignore_patterns, **options)
        return 'address'

    monkeypatch.setattr(
        huggingface_hub.HfApi, 'create_repo', lambda self, repo_id, **_: huggingface_hub.RepoUrl(repo_id)
    )
    monkeypatch.setattr(huggingface_hub.HfApi, 'upload_folder', upload)
    assert toy().push_to_hub('user/name') == 'address'
    assert pushed['files'] == {'config.json', 'model.safetensors', 'run.json', 'README.md', MARK}
    assert pushed['repo_id'] == 'user/name' and pushed['left'] == MARK


def test_the_shipped_folder_is_what_this_version_writes(tmp_path):
    folder = ROOT / 'checkpoints' / 'slan_tiny_shapes_long'
    model = init_model(CONFIG, WEIGHTS, 'cpu')
    assert json.loads((folder / 'config.json').read_text()) == portable_parts(model.cfg, model)
    loaded = SLAN.from_pretrained(folder)
    card = loaded.generate_model_card(license='apache-2.0')
    assert (folder / 'README.md').read_text() == str(card)
    record = json.loads((ROOT / 'docs/runs/shapes_long/slan_tiny_shapes_long-seed0.json').read_text())
    assert loaded.record['test'] == record['test'] and loaded.record['commit'] == record['commit']


def test_a_pipeline_of_mmdet_tells_the_size(tmp_path):
    cfg = Config.fromfile(ROOT / 'configs/detection/slan_tiny_shapes_detection.py')
    init_model(cfg, None, 'cpu').save_pretrained(tmp_path / 'detector')
    parts = json.loads((tmp_path / 'detector/config.json').read_text())
    assert 'image_size' not in parts
    resize = next(step for step in parts['test_dataloader']['dataset']['pipeline'] if step['type'] == 'mmdet.Resize')
    assert resize['scale'] == [64, 64]
    init_model(tmp_path / 'detector', device='cpu')


@pytest.mark.parametrize('folder', [None, '', 5, __file__])
def test_where_no_model_can_be_written(folder, shipped):
    with pytest.raises(ValueError, match='save_directory must be a (path|folder)'):
        shipped.save_pretrained(folder)
