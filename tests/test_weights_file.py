"""Files of weights, whole, damaged, and of another kind."""

import hashlib
import io
import os
import pickle
import zipfile

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save, save_file

from slan_mm.weights_file import (
    WeightsFileError,
    is_complete,
    known_to_be_whole,
    read_weights_file,
    save_weights,
)

WRITTEN = {'state_dict': {'weight': torch.arange(4096.0), 'bias': torch.ones(64)}, 'meta': dict(iter=10)}


def saved(content, **options):
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def zipped(name):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        archive.writestr(name, 'content')
    return file.getvalue()


PTH, OLD = saved(WRITTEN), saved(WRITTEN, _use_new_zipfile_serialization=False)
SAFETENSORS = save(WRITTEN['state_dict'])


@pytest.mark.parametrize('content', [PTH, OLD, SAFETENSORS], ids=['new', 'old', 'safetensors'])
@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors'])
def test_the_content_tells_what_a_file_is(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    assert torch.equal(read_weights_file(tmp_path / name)['state_dict']['weight'], WRITTEN['state_dict']['weight'])


WRONG = {
    'empty': (b'', 'is empty'),
    'last bytes': (PTH[:-3], 'is damaged'),
    'half': (PTH[:5000], 'is damaged'),
    'first bytes': (PTH[:4], 'is damaged'),
    'block': (PTH[:3000] + bytes(1000) + PTH[4000:], 'is damaged: its content is not what was written'),
    'zeros': (bytes(len(PTH)), 'cannot be read as weights'),
    'safetensors': (SAFETENSORS[:-5], 'is damaged'),
    'safetensors header': (SAFETENSORS[:40], 'is damaged'),
    'pointer': (b'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', 'only a pointer of Git LFS: fetch'),
    'page': (b'\n<!DOCTYPE html><html></html>', 'is a web page: download the file'),
    'text': (b'hello world, this is text', 'cannot be read as weights'),
    'picture': (b'\xff\xd8\xff\xe0' + bytes(99), 'cannot be read as weights'),
    'zip': (zipped('a.txt'), 'is a zip file, but holds no weights'),
    'zip in a folder': (zipped('archive/data.txt'), 'is a zip file, but holds no weights'),
    'old': (OLD[:-20], 'cannot be read as weights .unexpected EOF'),
    'old half': (OLD[:60], 'cannot be read as weights'),
}


@pytest.mark.parametrize('what', WRONG)
@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors'])
def test_what_is_wrong_is_told_in_a_line(tmp_path, what, name):
    content, said = WRONG[what]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsFileError, match=said) as told:
        read_weights_file(tmp_path / name)
    assert name in str(told.value) and '\n' not in str(told.value) and len(str(told.value)) < 300
    assert not is_complete(tmp_path / name)


class Trap:
    def __reduce__(self):
        return os.system, ('touch trapped',)


@pytest.mark.parametrize(
    'content', [saved({'meta': Trap()}), saved(Trap(), _use_new_zipfile_serialization=False)], ids=['new', 'old']
)
def test_code_is_not_run(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'evil.pth').write_bytes(content)
    with pytest.raises(pickle.UnpicklingError, match=r'evil\.pth holds more than tensors .* would run code from it'):
        read_weights_file(tmp_path / 'evil.pth')
    assert [path.name for path in tmp_path.iterdir()] == ['evil.pth']


def test_flipped_bits_are_found(tmp_path):
    """100 places all over each file: what loads is what was written."""
    pth, safetensors = tmp_path / 'a.pth', tmp_path / 'b.safetensors'
    (tmp_path / 'b.yml').write_text(f'Name: b\nSHA256: {hashlib.sha256(SAFETENSORS).hexdigest()}\n')
    draws, accepted = torch.Generator().manual_seed(0), 0
    for path, content in ((pth, PTH), (safetensors, SAFETENSORS)):
        for place in torch.randint(len(content), (100,), generator=draws).tolist():
            damaged = bytearray(content)
            damaged[place] ^= 0x40
            path.write_bytes(damaged)
            try:
                read = read_weights_file(path)
            except (WeightsFileError, pickle.UnpicklingError):
                continue
            accepted += 1
            assert path == pth and read['meta'] == WRITTEN['meta']
            assert all(torch.equal(read['state_dict'][name], value) for name, value in WRITTEN['state_dict'].items())
        path.write_bytes(content)
        read_weights_file(path)
    # Bytes of a zip file that nothing reads.
    assert accepted < 20


def test_a_file_that_was_checked_is_not_checked_again(tmp_path, monkeypatch):
    path, checked = tmp_path / 'a.pth', []
    path.write_bytes(PTH)
    monkeypatch.setattr(zipfile.ZipFile, 'testzip', lambda archive: checked.append(archive.filename))
    assert is_complete(path)
    with known_to_be_whole(path):
        read_weights_file(path)
    assert len(checked) == 1
    read_weights_file(path)
    assert len(checked) == 2


@pytest.mark.parametrize('make', [os.mkfifo, os.mkdir, lambda path: path.symlink_to('nowhere')])
def test_what_is_no_file_is_not_complete(tmp_path, make):
    make(tmp_path / 'a.pth')
    assert not is_complete(tmp_path / 'a.pth')


def test_safetensors_have_a_checksum_in_their_header(tmp_path):
    """Every flipped bit of the values is found; old files without it are read as before."""
    path, weights = tmp_path / 'a.safetensors', WRITTEN['state_dict']
    save_weights(path, weights | {'half': torch.ones(3, dtype=torch.bfloat16), 'one': torch.tensor(1)}, config='c.py')
    assert torch.equal(read_weights_file(path)['state_dict']['weight'], weights['weight'])
    content = path.read_bytes()
    draws = torch.Generator().manual_seed(0)
    for place in torch.randint(len(content) - 4000, len(content), (50,), generator=draws).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(WeightsFileError, match='its content is not what was written'):
            read_weights_file(path)


@pytest.mark.parametrize('write', [save_weights, lambda path, weights: save_file(weights, path)])
def test_a_file_that_is_replaced_while_it_is_read_is_read_again(tmp_path, monkeypatch, write):
    """Its values come from the file of its header, also where there is no checksum."""
    path = tmp_path / 'a.safetensors'
    states = [{'weight': torch.full((64,), value)} for value in (0.0, 1.0, 2.0)]
    write(path, states[0])
    left = states[1:]

    def opened(*args):
        file = safe_open(*args)
        if left:
            write(tmp_path / 'new', left.pop(0))
            (tmp_path / 'new').replace(path)
        return file

    monkeypatch.setattr('slan_mm.weights_file.safe_open', opened)
    assert torch.equal(read_weights_file(path)['state_dict']['weight'], states[2]['weight'])
    left += states * 100
    with pytest.raises(WeightsFileError, match='replaced again and again'):
        read_weights_file(path)
