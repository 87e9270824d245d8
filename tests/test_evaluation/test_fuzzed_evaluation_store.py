"""Stores of evaluations whose files are changed: what is read is what was written, or a line refuses the store."""

import numpy as np
import pytest
from support.fuzzing import fuzz

from slan_mm.evaluation.evaluation_store import EvaluationStore
from slan_mm.feature_store import FeatureStoreError

HEADER = dict(format=1, weights='w', config='c', data='d', precision='p', ranks=1)
SAMPLES = [[dict(image_id=f'{2 * n + m}', texts=['a cat']) for m in range(2)] for n in range(3)]


def told(error):
    return isinstance(error, FeatureStoreError) and '\n' not in str(error)


@pytest.mark.parametrize('name', ['store.json', 'samples.jsonl', 'itc/progress.json', 'itc/scores.bin'])
def test_fuzzed_evaluation_stores(tmp_path, name):
    store = EvaluationStore(tmp_path, HEADER)
    for samples in SAMPLES:
        store.add_samples(samples)
    scores = store.scores('itc', (6, 4), {'k': 1})
    scores.values[:4] = np.arange(16).reshape(4, 4)
    scores.mark(4, at_once=True)
    store.close()
    folder = tmp_path / 'rank0'
    files = {path: path.read_bytes() for path in folder.rglob('*') if path.is_file() and path.name[0] != '.'}

    def read():
        changed, store = (folder / name).read_bytes(), None
        try:
            store = EvaluationStore(tmp_path, HEADER)
            samples, scores = store.samples(), store.scores('itc', (6, 4), {'k': 1})
            return samples, np.array(scores.values[: scores.done])
        finally:
            if store is not None:
                store.close()
            for path, content in files.items():  # what is damaged was made anew
                path.write_bytes(content)
            (folder / name).write_bytes(changed)

    def check(found):
        samples, values = found
        # The last line may have been cut off.
        assert samples == SAMPLES[: len(samples)] and len(samples) >= 3 * (name != 'samples.jsonl')
        assert len(values) <= 4 and (values == np.arange(24).reshape(6, 4)[: len(values)]).all()

    fuzz(read, folder / name, check, skipped=told)
