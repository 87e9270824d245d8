"""What tests of pseudo-labels share."""

import json

import pytest


@pytest.fixture
def gold_of(tmp_path):
    from slan_mm.pseudo_labels.categories import Categories
    from slan_mm.pseudo_labels.gold import Gold

    def make(names, box=(5, 5, 15, 15), size=(50, 40)):
        """The box TRUE of a dog in each picture, in a file of pictures of half the size."""
        images = [dict(id=n, file_name=name, width=size[0], height=size[1]) for n, name in enumerate(names)]
        annotations = [dict(id=n, image_id=n, category_id=3, bbox=list(box)) for n in range(len(names))]
        categories = [dict(id=3, name='Dogs'), dict(id=4, name='tree')]
        file = tmp_path / 'gold.json'
        file.write_text(json.dumps(dict(images=images, annotations=annotations, categories=categories)))
        return Gold(file, Categories({'dog': ()}))

    return make
