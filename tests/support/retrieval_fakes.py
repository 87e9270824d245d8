"""A model with random features and a data set for it: enough for the evaluator and the loop."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.model import BaseModel
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.utils.data import DataLoader

from slan_mm.structures import Batched

WIDTH = 6


@dataclass
class FakeImages(Batched):
    vector: Tensor
    number: Tensor


@dataclass
class FakeTexts(Batched):
    words: Tensor
    mask: Tensor


class FakeModel(BaseModel):
    """An image is its number; a text is a row of digits, as many 'words' as it is long. Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.images = torch.nn.Parameter(torch.randn(256, WIDTH, generator=generator))
        self.words = torch.nn.Parameter(torch.randn(10, WIDTH, generator=generator))
        self.encoded_images = 0
        self.encoded_texts = 0
        self.scored_pairs = 0

    def data_preprocessor(self, batch, training=False):
        return {'inputs': torch.stack(batch['inputs']), 'data_samples': batch['data_samples']}

    def encode_image(self, inputs):
        self.encoded_images += len(inputs)
        number = inputs[:, 0, 0, 0].long()
        return FakeImages(self.images[number], number)

    def encode_text(self, texts):
        self.encoded_texts += len(texts)
        longest = max(map(len, texts))
        ids = torch.zeros(len(texts), longest, dtype=torch.long)
        mask = torch.zeros(len(texts), longest, dtype=torch.bool)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = torch.tensor([int(letter) for letter in text])
            mask[row, : len(text)] = True
        return FakeTexts(self.words[ids] * mask[..., None], mask)

    def itc_scores(self, image, text):
        return image.vector[:, :2] @ text.words.sum(dim=1).T[:2]

    def shortlist_scores(self, image, text):
        return image.vector @ text.words.sum(dim=1).T

    def itm_scores(self, image, text, pairs=None, levels=None):
        """After a level the first word alone has been looked at."""
        if pairs is not None:
            image, text = image[pairs.image], text[pairs.text]
        self.scored_pairs += len(image)
        weight = torch.arange(1, text.words.shape[1] + 1, dtype=text.words.dtype)[None, :, None]
        if levels is not None:
            weight = weight * (weight <= levels)
            text = FakeTexts(text.words * (weight > 0), text.mask)
        return -((image.vector[:, None] - weight * text.words * text.mask[..., None]) ** 2).sum(dim=(1, 2)) / 10

    def forward(self, inputs, data_samples=None, mode='tensor'):
        for sample in data_samples:
            box = {'boxes': torch.tensor([[0.0, 0.0, 4.0, 4.0]]), 'scores': torch.ones(1)}
            sample.set_field([[box, box] for _ in sample.phrases], 'pred_phrases')
            sample.set_field({'boxes': torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5]])}, 'pred_regions')
        return data_samples


class FakeDataset(BaseDataset):
    """``samples``: (sample id, image number, texts); a phrase whose gold box is the whole 4 x 4 image."""

    METAINFO = {'dataset_name': 'Fakes', 'split': 'val'}

    def __init__(self, samples):
        self.samples = samples
        super().__init__(serialize_data=False)

    def load_data_list(self):
        return [{'sample_id': str(name), 'number': number, 'text': texts} for name, number, texts in self.samples]

    def prepare_data(self, idx):
        info = self.get_data_info(idx)
        sample = DataSample()
        sample.set_metainfo({'sample_id': info['sample_id'], 'image_id': f'image{info["number"]}', 'ori_shape': (4, 4)})
        sample.set_field(info['text'], 'text')
        phrase = {'spans': [[0, 1]], 'boxes': torch.tensor([[0.0, 0.0, 4.0, 4.0]]), 'category': None}
        sample.set_field([phrase], 'phrases')
        return {'inputs': torch.full((3, 4, 4), info['number'], dtype=torch.uint8), 'data_samples': sample}


def fake_samples(images=12):
    """Image number n with 1 to 3 texts of 2 to 4 digits."""
    generator = torch.Generator().manual_seed(1)

    def text():
        length = int(torch.randint(2, 5, (), generator=generator))
        return ''.join(str(int(digit)) for digit in torch.randint(0, 10, (length,), generator=generator))

    return [(number, number, [text() for _ in range(1 + number % 3)]) for number in range(images)]


def fake_loader(samples, batch_size=5, sampler=None):
    return DataLoader(FakeDataset(samples), batch_size=batch_size, collate_fn=pseudo_collate, sampler=sampler)
