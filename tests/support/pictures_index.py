"""Indexes of pictures with features that no model made."""

from itertools import count

import torch

from slan_mm.apis.index_engines import open_index
from slan_mm.structures import ImageFeatures

HEADER = {'weights': 'w'}


def features_of(numbers):
    """Features that tell pictures apart."""
    values = torch.tensor(numbers, dtype=torch.float32)
    embedding = torch.nn.functional.normalize(torch.stack([values.cos(), values.sin(), values], 1), dim=1)
    boxes = values[:, None, None].expand(-1, 2, 4)
    space = {'lexical': torch.stack([embedding, -embedding], 1)}
    return ImageFeatures(boxes, boxes[:, :, 0], boxes, [boxes[:, None]], {}, space, embedding)


def add(index, numbers):
    features = features_of(numbers)
    paths = [f'/pictures/{number}.jpg' for number in numbers]
    index.add(paths, [(30, 40)] * len(paths), [(1, 2)] * len(paths), features)


def held(index):
    """The numbers of the index's pictures, each by what is known of it."""
    found = index.nearest(features_of([0]).embedding, 100)[0]
    numbers = found.summary.boxes['lexical'][:, 0, 0].float().tolist()
    assert torch.allclose(found.summary.embedding.float(), features_of(numbers).embedding, atol=1e-3)
    regions = found.summary.features().region_space['lexical']
    assert torch.allclose(regions, features_of(numbers).region_space['lexical'], atol=2e-2)
    assert [picture.path for picture in found.pictures] == [f'/pictures/{x:.0f}.jpg' for x in numbers]
    assert sorted(index.pictures) == sorted(picture.path for picture in found.pictures)
    read = [index.features.get(picture.id) for picture in found.pictures]
    # Damaged features are none.
    assert all(features is None or features.boxes[0, 0, 0] == x for features, x in zip(read, numbers, strict=True))
    return sorted(map(int, numbers))


def add_for_ever(folder, told):
    """Adds a picture and encodes one again, and tells its number when it is saved; then the next one."""
    index = open_index(folder, HEADER)
    for number in count(10):
        add(index, [number, 1])
        index.save()
        told.send(number)
