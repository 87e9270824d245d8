import gc
import pickle
import weakref
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from slan_mm.feature_store import FeatureStoreError, StoredRecord, save_record
from slan_mm.structures import Batched


@dataclass
class Nested(Batched):
    number: Tensor
    levels: list[Tensor]
    terms: dict[str, Tensor]
    note: str


@pytest.fixture
def record():
    number = torch.arange(4)
    level = torch.randn(4, 2, 3)
    # Two fields of one memory, as masks often are.
    return Nested(number, [level, level], {'lexical': level[:, 0]}, 'a')


def test_what_is_read_is_what_was_written(record, tmp_path):
    save_record(tmp_path / 'r', record)
    stored = StoredRecord(tmp_path / 'r')
    index = torch.tensor([3, 0, 3])
    read, wanted = stored[index], record[index]
    assert len(stored) == 4 and isinstance(read, Nested) and read.note == 'a'
    assert torch.equal(read.number, wanted.number) and torch.equal(read.terms['lexical'], wanted.terms['lexical'])
    assert all(torch.equal(one, other) for one, other in zip(read.levels, wanted.levels, strict=True))
    (tmp_path / 'r').unlink()
    assert torch.equal(read.levels[1], wanted.levels[1]), 'what was read does not need the file'


def test_any_strides_can_be_written(tmp_path):
    levels = [torch.randn(3, 4).t(), torch.randn(4, 4)[:1, :1].t()]
    save_record(tmp_path / 'r', Nested(torch.arange(4), levels, {}, ''))
    read = StoredRecord(tmp_path / 'r')[torch.tensor([0])]
    assert torch.equal(read.levels[0], levels[0][:1]) and torch.equal(read.levels[1], levels[1])


def test_half_precision_is_written_in_mixed_precision(record, tmp_path):
    with torch.autocast('cpu', torch.bfloat16):
        save_record(tmp_path / 'r', record, torch.float16)
        read = StoredRecord(tmp_path / 'r')[torch.tensor([2])]
    assert torch.equal(read.levels[0], record.levels[0][2:3].half())


def test_what_was_written_is_free_at_once(tmp_path):
    # Batches of features are large: what waits for the garbage collector adds up.
    record = Nested(torch.arange(4), [torch.randn(4, 2)], {}, '')
    gc.collect()
    gc.disable()
    try:
        save_record(tmp_path / 'r', record, torch.float16)
        written = weakref.ref(record)
        del record
        assert written() is None
    finally:
        gc.enable()


def test_floats_alone_change_their_type(record, tmp_path):
    save_record(tmp_path / 'r', record, torch.bfloat16)
    read = pickle.loads(pickle.dumps(StoredRecord(tmp_path / 'r')))[torch.tensor([1])]
    assert read.levels[0].dtype == torch.bfloat16 and read.number.dtype == torch.int64


def test_what_half_precision_cannot_hold_is_refused(record, tmp_path):
    record.levels[1] = record.levels[1] * 1e6
    with pytest.raises(FeatureStoreError, match=r'Nested\.levels\.1 is not finite as torch\.float16'):
        save_record(tmp_path / 'r', record, torch.float16)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_records_are_refused(record, tmp_path):
    save_record(tmp_path / 'r', record)
    whole = (tmp_path / 'r').read_bytes()
    (tmp_path / 'r').write_bytes(whole[:-4])
    save_file({'a': torch.zeros(1)}, tmp_path / 'bare')
    meta = {'class': 'os.system', 'length': '1', 'tree': '{}'}
    save_file({'a': torch.zeros(1)}, tmp_path / 'other', metadata=meta)
    for name, said in (('r', 'damaged'), ('gone', 'missing'), ('bare', "'class'"), ('other', "called 'os.system'")):
        with pytest.raises(FeatureStoreError, match=f'{name} is missing or damaged.*|{said}'):
            StoredRecord(tmp_path / name)
