"""Pictures of many shapes: more of them, and captions that fit."""

from slan_mm.datasets import ShapesCrowds, ShapesPairs
from slan_mm.datasets.shapes.agreement import is_true


def test_pictures_show_four_to_six_things_and_captions_name_some():
    dataset = ShapesCrowds('test', 'retrieval', num_images=30)
    scenes = [dataset.scene(index) for index in range(30)]
    assert {len(scene.objects) for scene in scenes} == {4, 5, 6}
    assert {scene.split for scene in scenes} == {'test'}
    for index, scene in enumerate(scenes[:5]):
        (text,) = dataset[index]['data_samples'].text
        assert is_true(text, scene)


def test_they_are_no_pictures_of_pre_training():
    crowds, pairs = ShapesCrowds('train', num_images=9), ShapesPairs('train', num_images=9)
    assert crowds.scene(3) != pairs.scene(3)
    assert crowds.get_data_info(12) == crowds.get_data_info(3)
    assert crowds.get_data_info(3)['image_id'] != pairs.get_data_info(3)['image_id']
