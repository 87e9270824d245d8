"""init_model, and what a model does with plain pictures and texts, by the shipped config and weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from safetensors.torch import load_file, save_file

from slan_mm.apis import GroundingInferencer, Processor, RetrievalInferencer, init_model
from slan_mm.datasets import ShapesPairs
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.models import PairDataPreprocessor
from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/pretrain/slan_tiny_shapes_long.py'
WEIGHTS = ROOT / 'checkpoints/slan_tiny_shapes_long.safetensors'


@pytest.fixture(scope='module')
def model():
    return init_model(CONFIG, WEIGHTS, 'cpu')


@pytest.fixture(scope='module')
def shown(tmp_path_factory):
    """A folder of four pictures that are larger than those of the training, and their captions."""
    folder = tmp_path_factory.mktemp('shapes')
    dataset = ShapesPairs(split='test', task='pair', num_images=4, image_size=96)
    for number in range(4):
        Image.fromarray(dataset[number]['inputs'].permute(1, 2, 0).numpy()).save(folder / f'{number}.png')
    return folder, [dataset[number]['data_samples'].text for number in range(4)]


def test_similarity_is_what_the_inferencer_ranks_by(model, shown):
    folder, texts = shown
    scores = model.similarity(folder, texts, batch_size=3)
    assert scores.shape == (4, 4) and not scores.requires_grad
    inferencer = RetrievalInferencer(CONFIG, WEIGHTS, 'cpu', show_progress=False)
    for column, answer in enumerate(inferencer(folder, texts, top=4)['predictions']):
        for found in answer['found']:
            assert scores[int(Path(found['image']).stem), column] == pytest.approx(found['score'], abs=1e-3)
    assert (scores.argmax(0) == torch.arange(4)).all(), 'each text finds its own picture'
    without = model.similarity(folder, texts, itm_weight=0.0)
    answers = inferencer(folder, texts, top=4, itm_weight=0.0)['predictions'][0]['found']
    assert without[int(Path(answers[0]['image']).stem), 0] == pytest.approx(answers[0]['score'], abs=1e-3)


def test_embeddings_are_itcs_and_the_source_of_a_picture_does_not_matter(model, shown):
    folder, texts = shown
    path = folder / '0.png'
    with Image.open(path) as image:
        sources = [path, str(path), np.asarray(image), image.copy()]
    image, text = model.embed_images(sources), model.embed_texts(texts)
    assert image.shape == (4, 64) and text.shape == (4, 64)
    torch.testing.assert_close(image, image[:1].expand(4, -1))
    torch.testing.assert_close(torch.cat([image, text]).norm(dim=1), torch.ones(8))
    assert (text @ model.embed_images(folder).T).argmax(1)[0] == 0
    torch.testing.assert_close(model.embed_texts(texts[1]), text[1:2], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model.embed_images(folder, batch_size=1), model.embed_images(folder))


def test_a_box_is_the_inferencers(model, shown):
    folder, texts = shown
    inferencer = GroundingInferencer(CONFIG, WEIGHTS, 'cpu', show_progress=False)
    for number, text in enumerate([texts[0], 'a [circle] and a [small star]']):
        found = model.ground(folder / f'{number}.png', text, top=2)
        (expected,) = inferencer(folder / f'{number}.png', text, top=2)['predictions']
        assert found == expected['phrases']
        assert all(0 <= value <= 96 for phrase in found for box in phrase['boxes'] for value in box)


def test_the_mode_is_what_it_was_and_nothing_needs_a_gradient(model, shown):
    model.train()
    try:
        before = {name: value.clone() for name, value in model.state_dict().items()}
        assert not model.embed_images(shown[0]).requires_grad
        model.ground(shown[0] / '0.png', 'a [circle]')
        assert model.training and all(part.training for part in model.image_branch.detector.modules())
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    finally:
        model.eval()


def test_raw_pixels_are_refused(model, shown):
    raw = torch.from_numpy(np.asarray(Image.open(shown[0] / '0.png'))).permute(2, 0, 1)[None]
    for pictures in (raw, raw.float()):
        with pytest.raises(ValueError, match=r'normalised pictures; these are .* embed_images'):
            model.encode_image(pictures)
    normalised = model.data_preprocessor(dict(inputs=list(raw)))
    assert normalised['data_samples'] is None
    model.encode_image(normalised['inputs'])
    # White is the largest that a normalised picture can be.
    model.encode_image(
        model.data_preprocessor(dict(inputs=[torch.full((3, 64, 64), 255, dtype=torch.uint8)]))['inputs']
    )


def test_a_batch_without_samples_names_a_picture_by_its_number():
    inputs = [torch.zeros(3, size, 8, dtype=torch.uint8) for size in (8, 4)]
    with pytest.raises(ValueError, match=r'sample 1 is \(3, 4, 8\)'):
        PairDataPreprocessor()(dict(inputs=inputs, data_samples=None))


def test_mistakes_are_named(model, shown, tmp_path):
    with pytest.raises(FileNotFoundError, match='no config'):
        init_model(tmp_path / 'none.py', WEIGHTS)
    with pytest.raises(FileNotFoundError, match='none.safetensors'):
        init_model(CONFIG, tmp_path / 'none.safetensors')
    with pytest.raises(ValueError, match='checkpoint is needed'):
        init_model(CONFIG)
    with pytest.raises(ValueError, match='another model than the SLAN'):
        init_model(CONFIG, WEIGHTS, 'cpu', {'model.embed_dims': 32})
    with pytest.raises(UnreadableImageError, match=r'none\.jpg'):
        model.embed_images([shown[0] / '0.png', tmp_path / 'none.jpg'])
    with pytest.raises(ValueError, match=r'texts\[1\] must not be empty'):
        model.embed_texts(['a', ' '])
    alone = MODELS.build(Config.fromfile(CONFIG).model)
    with pytest.raises(ValueError, match=r'slan_mm\.apis\.init_model, or set model\.processor'):
        alone.embed_images(shown[0])
    alone.processor = Processor((64, 64))
    assert alone.embed_images(shown[0]).shape == (4, 64)


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path, bad):
    weights = load_file(WEIGHTS)
    name = next(name for name in weights if name.startswith('locator'))
    weights[name].view(-1)[0] = bad
    save_file(weights, tmp_path / 'diverged.safetensors')
    with pytest.raises(ValueError, match=rf'diverged\.safetensors: 1 of its \d+ tensors hold NaN .* {name}:'):
        init_model(CONFIG, tmp_path / 'diverged.safetensors', 'cpu')


def test_a_checkpoint_that_cannot_be_read_is_not_called_another_models(tmp_path):
    path = tmp_path / 'cut.pth'
    torch.save({'state_dict': {'a': torch.ones(999)}}, path)
    content = bytearray(path.read_bytes())
    content[content.index(b'cut/data/0') + 80] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'cut\.pth') as told:
        init_model(CONFIG, path, 'cpu')
    assert 'another model' not in str(told.value)
