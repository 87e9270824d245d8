import pytest
import torch

from slan_mm.datasets.shapes import ShapesNLVR, nlvr
from slan_mm.datasets.shapes.grammar import words
from slan_mm.datasets.shapes.render import render_scene


@pytest.fixture(scope='module')
def items():
    """(item, its two scenes) of six sentences."""
    dataset, drawn = ShapesNLVR('val', num_sentences=6), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nlvr, 'render_scene', lambda rng, scene: drawn.append(scene) or render_scene(rng, scene))
        images = [dataset[index] for index in range(len(dataset))]
    return list(zip(images, zip(drawn[::2], drawn[1::2], strict=True), strict=True))


def test_the_label_says_whether_the_sentence_is_true(items):
    for item, scenes in items:
        sample = item['data_samples']
        left, right = (part.split()[1:] for part in sample.text.split(' and '))
        shown = [
            any([thing.color, thing.shape] == kind for thing in scene.objects)
            for scene, kind in zip(scenes, (left, right), strict=True)
        ]
        assert all(shown) == bool(sample.gt_label)
        assert any(shown)  # a false sentence is half true
        assert {scene.split for scene in scenes} == {'val'}
        assert set(sample.text.split()) <= set(words())


def test_each_sentence_is_true_of_two_of_its_four_pairs(items):
    for sentence in range(6):
        samples = [item['data_samples'] for item, _ in items[4 * sentence : 4 * sentence + 4]]
        assert len({sample.text for sample in samples}) == 1
        assert sum(int(sample.gt_label) for sample in samples) == 2
        assert [sample.sample_id for sample in samples] == [f'val-{sentence}-{pair}-0' for pair in range(4)]


def test_items_depend_on_arguments_and_index_alone():
    one, other = ShapesNLVR('train', num_sentences=2), ShapesNLVR('train', num_sentences=3)
    again = [other[index] for index in (7, 0)]
    for item, expected in zip([one[7], one[0]], again, strict=True):
        assert torch.equal(item['inputs'], expected['inputs'])
        assert item['data_samples'].text == expected['data_samples'].text
    assert not torch.equal(ShapesNLVR('train', num_sentences=2, seed=1)[0]['inputs'], one[0]['inputs'])
    assert one[0]['inputs'].shape == (2, 3, 64, 64)
