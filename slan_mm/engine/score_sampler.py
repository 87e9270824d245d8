"""Training that sees surer pictures more often."""

from collections.abc import Sized
from typing import Any

import numpy as np

from slan_mm.engine.sampler import ResumableSampler
from slan_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ScoreSampler(ResumableSampler):
    """``ResumableSampler`` whose epochs draw a picture as often as its ``weight`` says, see ``PseudoLabelDataset``.

    In the mean over many epochs that weights the losses of a picture by its weight, whatever the detector. An epoch has
    as many items as the data set. With equal weights it is a permutation.

    Args:
        dataset: Its ``get_data_info(index)`` has a ``weight``, above 0.
        options: Of ``ResumableSampler``.

    Raises:
        ValueError: A weight is not above 0.
    """

    def __init__(self, dataset: Sized, **options: Any) -> None:
        super().__init__(dataset, **options)
        self.weights = np.array([dataset.get_data_info(index)['weight'] for index in range(len(dataset))])  # type: ignore[attr-defined]
        if (without := np.flatnonzero(~(self.weights > 0))).size:
            name = dataset.get_data_info(int(without[0])).get('img_path')  # type: ignore[attr-defined]
            raise ValueError(
                f'{without.size} of {self.size} pictures have no weight above 0, the first is {name}: remove them from '
                'the annotation file, or the boxes with a score of 0, or set the sampler to ResumableSampler'
            )

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """(N,) the indices of an epoch; those of small weights may lack, others come twice."""
        if np.ptp(self.weights) == 0:
            return super().draw(rng)
        # Systematic sampling: each picture comes floor or ceil of its share of times.
        shares = self.weights / self.weights.sum() * self.size
        places = np.searchsorted(np.cumsum(shares), rng.random() + np.arange(self.size), side='right')
        return rng.permutation(np.minimum(places, self.size - 1))
