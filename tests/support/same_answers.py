"""What a model retrieves and grounds, for a test that a loaded model answers as the saved one does."""

from __future__ import annotations

import torch
from support.toy import toy_batch
from torch import Tensor, nn

from slan_mm.pair_index import PairIndex


def answers(model: nn.Module) -> list[Tensor]:
    """Of the toy batch: scores of all pairs without and with ITM, and each sample's boxes of one phrase."""
    batch = toy_batch()
    for sample in batch['data_samples']:
        sample.set_field([dict(spans=[[2, len(sample.text)]])], 'phrases')
    with torch.no_grad():
        data = model.data_preprocessor(batch, False)
        image = model.encode_image(data['inputs'])
        text = model.encode_text([sample.text for sample in data['data_samples']])
        pairs = PairIndex.all_pairs(len(image), len(text))
        scores = [model.shortlist_scores(image, text), model.itm_scores(image, text, pairs)]
        return [*scores, *[sample.pred_phrases[0][-1]['boxes'] for sample in model.val_step(batch)]]


def assert_same_answers(model: nn.Module, loaded: nn.Module) -> None:
    """Both answer, with numbers, and the same to the bit."""
    for mine, other in zip(answers(model), answers(loaded), strict=True):
        assert len(mine) and mine.isfinite().all()
        assert torch.equal(mine, other)
