"""Hard negatives of all training images, by models that did not see them: two folds.

    python tools/analysis/mine_negatives.py CONFIG FIRST_HALF_CHECKPOINT SECOND_HALF_CHECKPOINT out.npz

Each model was trained on one half of CONFIG's training images (``train_dataloader.dataset.indices``) and scores all
images and captions of the other half. The negatives of an image are those of the highest ITC scores, of the image
with the other's captions and the other way round.
"""

import argparse

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Hard negatives of all training images, by two folds.')
    parser.add_argument('config')
    parser.add_argument('first', help='model trained on the first half')
    parser.add_argument('second', help='model trained on the second half')
    parser.add_argument('out', help='npz file to write')
    parser.add_argument('--count', type=positive, default=8, help='negatives of an image')
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader, Runner
from torch import Tensor

from slan_mm.config import read_config
from slan_mm.models.trained import load_weights
from slan_mm.registry import MODELS
from slan_mm.structures import TextFeatures


@torch.no_grad()
def hardness(model: torch.nn.Module, loader: torch.utils.data.DataLoader) -> tuple[list[str], Tensor]:
    """Ids of N images, and (N, N) the best ITC score of the row's image with a caption of the column's."""
    names, images, texts, owner = [], [], [], []
    for batch in loader:
        data = model.data_preprocessor(batch, False)
        images.append(model.encode_image(data['inputs']))
        for sample in data['data_samples']:
            captions = list(sample.text)
            owner += [len(names)] * len(captions)
            names.append(sample.image_id)
            texts.append(model.encode_text(captions))
    best = torch.full((len(names), len(names)), -torch.inf)
    columns, start = torch.tensor(owner), 0
    joined = [TextFeatures.cat(texts[at : at + 50]) for at in range(0, len(texts), 50)]
    for chunk in images:
        scores = torch.cat([model.itc_scores(chunk, text) for text in joined], dim=1)
        best[start : start + len(chunk)] = best[start : start + len(chunk)].scatter_reduce(
            1, columns.expand(len(chunk), -1), scores.float(), 'amax'
        )
        start += len(chunk)
        print(f'{start}/{len(names)}', flush=True)
    return names, best


@one_line_errors
def main() -> None:
    """Mines and writes."""
    options = parse_options()
    cfg = read_config(options.config, options.cfg_options)
    init_default_scope('slan_mm')
    names, neighbours = [], []
    # A model scores the half that it was not trained on.
    for half, checkpoint in ((0, options.second), (1, options.first)):
        model = MODELS.build(cfg.model).eval()
        model.init_weights()
        weights = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
        load_weights(model, weights.get('state_dict', weights), checkpoint)
        loader = dict(cfg.test_dataloader.retrieval)
        loader['dataset'] = dict(loader['dataset'], split='train', indices=list(range(3000 * half, 3000 * (half + 1))))
        ids, best = hardness(model, Runner.build_dataloader(loader, seed=0))
        both = (best + best.T).fill_diagonal_(-torch.inf)
        neighbours.append(both.topk(options.count).indices.numpy() + len(names))
        names += ids
    np.savez(options.out, images=np.array(names), neighbours=np.concatenate(neighbours))


if __name__ == '__main__':
    main()
