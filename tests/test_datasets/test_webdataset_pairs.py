import gzip
import io
import json
import tarfile
import tracemalloc

import pytest
from mmengine.dataset import pseudo_collate
from PIL import Image
from support.fuzzing import fuzz
from torch.utils.data import DataLoader

from slan_mm.datasets import WebPairDataset
from slan_mm.datasets.shards import expand_shards, read_shard, shard_names
from slan_mm.datasets.unreadable import TooManyUnreadableError, UnreadableImageError
from slan_mm.plain_text import is_blank, is_whole

webdataset = pytest.importorskip('webdataset', reason='the extra shards is not installed')
PIPELINE = [{'type': 'LoadImage'}, {'type': 'ResizeImage', 'size': 4}, {'type': 'PackPairs'}]


def jpg(number):
    buffer = io.BytesIO()
    Image.new('RGB', (12, 8), (number, 0, 0)).save(buffer, 'JPEG')
    return buffer.getvalue()


@pytest.fixture
def shards(tmp_path):
    """Four shards of five pairs; pair n has caption 'caption n', its picture the red value n."""
    for shard in range(4):
        with webdataset.TarWriter(str(tmp_path / f'{shard:05d}.tar')) as sink:
            for number in range(5 * shard, 5 * shard + 5):
                record = {'caption': f'json {number}', 'uid': number // 2}
                sink.write({'__key__': f'{number:04d}', 'jpg': jpg(number), 'txt': f'caption {number}', 'json': record})
    return tmp_path


def build(shards, urls='{00000..00003}.tar', **options):
    return WebPairDataset(urls, data_root=str(shards), pipeline=PIPELINE, **{'infinite': False, **options})


def ids(items):
    return [item['data_samples'].sample_id for item in items]


def test_round_trip(shards):
    items = list(build(shards, shuffle=0, id_prefix='cc/'))
    assert len(items) == 20
    sample = items[7]['data_samples']
    assert (sample.text, sample.sample_id, sample.image_id) == ('caption 7', 'cc/00001/0007', 'cc/00001/0007')
    assert sample.img_path.endswith('00001.tar::0007')
    assert sample.ori_shape == (8, 12)
    assert abs(int(items[7]['inputs'][0, 0, 0]) - 7) <= 2


def test_fields_of_the_json(shards):
    items = list(build(shards, shuffle=0, caption_key='caption', image_id_key='uid', id_prefix='x/'))
    samples = [item['data_samples'] for item in items]
    assert [sample.text for sample in samples[:2]] == ['json 0', 'json 1']
    assert [sample.image_id for sample in samples[:3]] == ['x/0', 'x/0', 'x/1']


def test_shuffling_depends_on_seed_and_epoch(shards):
    dataset = build(shards, shuffle=3)
    first = ids(dataset)
    assert first == ids(dataset) and first != sorted(first)
    assert sorted(first) == ids(build(shards, shuffle=0))
    dataset.set_epoch(1)
    second = ids(dataset)
    assert second != first and sorted(second) == sorted(first)
    assert ids(build(shards, shuffle=3, seed=1)) != first


def test_an_infinite_stream_goes_through_the_epochs(shards):
    dataset = build(shards, shuffle=3, infinite=True)
    stream = iter(dataset)
    two = ids(next(stream) for _ in range(40))
    finite = build(shards, shuffle=3)
    assert two[:20] == ids(finite)
    finite.set_epoch(1)
    assert two[20:] == ids(finite)


def loaded(dataset, workers, batch_size=2):
    loader = DataLoader(dataset, batch_size=batch_size, num_workers=workers, collate_fn=pseudo_collate)
    return [[sample.sample_id for sample in batch['data_samples']] for batch in loader]


def test_workers_share_the_shards(shards):
    seen = sum(loaded(build(shards, shuffle=3), workers=2), [])  # noqa: RUF017
    assert len(seen) == 20 and len(set(seen)) == 20


def test_ranks_share_the_shards(shards):
    seen = []
    for rank in range(2):
        dataset = build(shards, shuffle=3)
        dataset.rank, dataset.world_size = rank, 2
        mine = ids(dataset)
        assert len(mine) == 10
        seen += mine
    assert len(set(seen)) == 20


@pytest.mark.parametrize('sizes', [None, 5])
@pytest.mark.parametrize('batches', [1, 2, 3])
def test_seek_goes_on_where_the_workers_stopped(shards, batches, sizes):
    options = {'shuffle': 3, 'infinite': True, 'samples_per_shard': sizes}
    loader = DataLoader(build(shards, **options), batch_size=2, num_workers=2, collate_fn=pseudo_collate)
    stream = iter(loader)
    whole = [ids_of(next(stream)) for _ in range(8)]
    dataset = build(shards, **options)
    dataset.seek(0, batches, batch_size=2)
    stream = iter(DataLoader(dataset, batch_size=2, num_workers=2, collate_fn=pseudo_collate))
    assert [ids_of(next(stream)) for _ in range(8 - batches)] == whole[batches:]


def ids_of(batch):
    return [sample.sample_id for sample in batch['data_samples']]


@pytest.mark.parametrize('sizes', [None, [5, 5, 5, 5]])
def test_seek_over_the_end_of_an_epoch(shards, sizes, monkeypatch):
    dataset = build(shards, shuffle=3, infinite=True, samples_per_shard=sizes)
    stream = iter(dataset)
    whole = ids(next(stream) for _ in range(40))
    opened = []

    def watch(url, damaged):
        opened.append(url)
        return read_shard(url, damaged)

    monkeypatch.setattr('slan_mm.datasets.webdataset_pairs.read_shard', watch)
    dataset.seek(0, 27)
    stream = iter(dataset)
    assert ids(next(stream) for _ in range(13)) == whole[27:]
    assert len(opened) == (8 if sizes is None else 3)  # shards that need not be opened are not


def test_shards_of_one_name_have_ids_of_their_own(shards):
    for folder in ('cc3m', 'cc12m'):
        (shards / folder).mkdir()
        with webdataset.TarWriter(str(shards / folder / '00000.tar')) as sink:
            sink.write({'__key__': '0', 'jpg': jpg(1), 'txt': folder})
    urls = ['cc3m/00000.tar', 'cc12m/00000.tar']
    found = {item['data_samples'].image_id: item['data_samples'].text for item in build(shards, urls, shuffle=0)}
    assert found == {'cc3m/00000/0': 'cc3m', 'cc12m/00000/0': 'cc12m'}
    assert shard_names(['a/0.tar', 'b/1.tar']) == ['0', '1'] and shard_names(['a/0.tar', 'a/0.tar']) == ['0', '0']
    assert shard_names(['x/a/0.tar', 'y/a/0.tar', 'y/a/1.tar']) == ['x/a/0', 'y/a/0', 'y/a/1']
    assert shard_names(['a/0.tar', 'a/0.tgz']) == ['a/0.tar', 'a/0.tgz']


def test_of_several_captions_one_is_drawn(shards):
    texts = ['a cat', ' ', 'a dog', 'a bird']
    with webdataset.TarWriter(str(shards / 'lists.tar')) as sink:
        for number in range(40):
            sink.write({'__key__': f'{number}', 'jpg': jpg(1), 'json': json.dumps({'caption': texts}).encode()})
        sink.write({'__key__': 'mixed', 'jpg': jpg(1), 'json': json.dumps({'caption': ['a cat', 3]}).encode()})
    dataset = build(shards, 'lists.tar', shuffle=0, caption_key='caption', max_unreadable_share=1)
    drawn = [item['data_samples'].text for item in dataset]
    assert len(drawn) == 40 and set(drawn) == {'a cat', 'a dog', 'a bird'}
    assert drawn == [item['data_samples'].text for item in dataset]
    dataset.set_epoch(1)
    assert drawn != [item['data_samples'].text for item in dataset]


def test_bad_samples_are_skipped_and_counted(shards):
    with webdataset.TarWriter(str(shards / 'bad.tar')) as sink:
        sink.write({'__key__': 'truncated', 'jpg': jpg(1)[:300], 'txt': 'x'})
        sink.write({'__key__': 'nocaption', 'jpg': jpg(1)})
        sink.write({'__key__': 'empty', 'jpg': jpg(1), 'txt': ' \n'})
        sink.write({'__key__': 'noimage', 'txt': 'x'})
        sink.write({'__key__': 'good', 'jpg': jpg(1), 'txt': ' one two three '})
    dataset = build(shards, 'bad.tar', shuffle=0, max_unreadable_share=1, max_words=2)
    (item,) = dataset
    assert item['data_samples'].text == 'one two'
    assert (dataset.read_counter.tried, dataset.read_counter.unreadable, dataset.num_cut) == (5, 4, 1)
    with pytest.raises(TooManyUnreadableError, match=r'bad\.tar::truncated'):
        list(build(shards, 'bad.tar', shuffle=0, max_unreadable_share=0.5, min_images_judged=2))


def damage(path, how):
    """Damages the first shard of five pairs at the header of the third picture."""
    content = bytearray(path.read_bytes())
    middle = content.index(b'0002.jpg')
    if how == 'cut':
        del content[middle + 100 :]
    elif how == 'cut between members':
        del content[middle:]
    elif how == 'zeros':
        content[middle : middle + 1024] = bytes(1024)
    elif how == 'flipped bit':
        content[middle] ^= 1
    elif how == 'noise':
        content[middle : middle + 1024] = b'x' * 1024
    elif how == 'no archive':
        content[:] = b'x' * len(content)
    elif how == 'empty':
        content.clear()
    path.write_bytes(content)


@pytest.mark.parametrize(
    ('how', 'lost'),
    [
        ('cut', 3), ('cut between members', 3), ('zeros', 1), ('flipped bit', 1), ('noise', 1), ('no archive', 5),
        ('empty', 5), ('gone', 5),
    ],
)  # fmt: skip
@pytest.mark.parametrize('sizes', [None, 5])
def test_a_damaged_shard_loses_what_is_damaged_and_counts_it(shards, how, lost, sizes):
    dataset = build(shards, shuffle=0, max_unreadable_share=1, samples_per_shard=sizes)
    if how == 'gone':
        (shards / '00000.tar').unlink()
    else:
        damage(shards / '00000.tar', how)
    got = ids(dataset)
    assert got[-15:] == [f'{n // 5:05d}/{n:04d}' for n in range(5, 20)] and len(got) == 20 - lost
    assert (dataset.read_counter.tried, dataset.read_counter.unreadable) == (20, lost)


def test_half_of_the_shards_damaged_stops_the_run(shards):
    for number in (0, 1):
        (shards / f'{number:05d}.tar').write_bytes(b'')
    with pytest.raises(
        TooManyUnreadableError, match=r'10 of 15 images tried (.|\n)* damaged shard, .*: 0 of its samples'
    ):
        ids(build(shards, shuffle=0, min_images_judged=15))
    dataset = build(shards, '0000[01].tar', shuffle=0)
    with pytest.raises(UnreadableImageError, match=r'No sample in the shards of this reader.*2 of 2 images'):
        ids(dataset)


def test_a_stream_of_which_nothing_can_be_read_is_not_waited_for(shards):
    dataset = build(shards, caption_key='none', infinite=True, max_unreadable_share=1.0)
    with pytest.raises(UnreadableImageError, match=r'No sample in the shards of this reader can be read.*20 of 20'):
        next(iter(dataset))


def test_names_and_fields_that_cannot_be_used_are_counted(shards):
    names = ['a.', 'b.txt', 'b.', 'caf\udce9.jpg', 'caf\udce9.txt', 'README', 'c.JPG', 'c.txt', 'c.txt']
    with tarfile.open(shards / 'odd.tar', 'w') as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            content = jpg(1) if 'jpg' in name.lower() else b'a text'
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    dataset = build(shards, 'odd.tar', shuffle=0, max_unreadable_share=1)
    assert ids(dataset) == ['odd/c']
    assert dataset.read_counter.unreadable == 4  # a, b, the name that is not UTF-8, the second c.txt


def test_members_that_fill_the_memory_are_left_out(shards, monkeypatch):
    monkeypatch.setattr('slan_mm.datasets.shards.MOST_BYTES', 5000)
    with tarfile.open(shards / 'bomb.tar.gz', 'w:gz') as archive:
        for name, content in (('a.jpg', bytes(5001)), ('b.jpg', jpg(1)), ('b.txt', b'a text')):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    dataset = build(shards, 'bomb.tar.gz', shuffle=0, max_unreadable_share=1)
    assert ids(dataset) == ['bomb.tar/b'] and dataset.read_counter.unreadable == 1


@pytest.mark.parametrize(
    'content',
    [
        {'caption': 'so cute \ud83d', 'id': 1}, {'caption': '\u200b', 'id': 1}, {'caption': 'x', 'id': True},
        {'caption': 'x', 'id': None}, {'caption': 'x', 'id': ''}, {'caption': 'x', 'id': 1.5}, {'caption': 'x'}, ['x'],
        'x', b'[' * 9999, b'9' * 9999, b'{"caption": "x", "id": NaN}', b'\xff', {'caption': {}, 'id': 1},
    ],
)  # fmt: skip
def test_captions_and_ids_of_the_json_are_checked(shards, content):
    with webdataset.TarWriter(str(shards / 'odd.tar')) as sink:
        sink.write(
            {
                '__key__': '0',
                'jpg': jpg(1),
                'json': content if isinstance(content, bytes) else json.dumps(content).encode(),
            }
        )
        sink.write({'__key__': '1', 'jpg': jpg(1), 'json': b'{"caption": ["", "x"], "id": 0}'})
    dataset = build(shards, 'odd.tar', caption_key='caption', image_id_key='id', shuffle=0, max_unreadable_share=1)
    (item,) = dataset
    assert (item['data_samples'].image_id, item['data_samples'].text) == ('0', 'x')
    assert dataset.read_counter.unreadable == 1


@pytest.mark.parametrize('ending', ['.tar', '.tar.gz'])
def test_fuzzed(shards, ending):
    file = shards / f'fuzzed{ending}'
    content = (shards / '00000.tar').read_bytes()
    file.write_bytes(gzip.compress(content) if ending == '.tar.gz' else content)

    def read():
        dataset = build(
            shards,
            file.name,
            caption_key='caption',
            image_id_key='uid',
            shuffle=0,
            max_unreadable_share=1,
            samples_per_shard=5,
        )
        return dataset, [item['data_samples'] for item in dataset]

    def check(found):
        dataset, samples = found
        assert dataset.read_counter.tried >= 5 and dataset.read_counter.tried - dataset.read_counter.unreadable == len(
            samples
        )
        for sample in samples:
            assert not is_blank(sample.text) and is_whole(sample.text + sample.image_id + sample.sample_id)

    fuzz(read, file, check, skipped=lambda error: 'No sample in the shards of this reader' in str(error))


def test_shards_without_a_sample_end_the_stream(shards):
    with webdataset.TarWriter(str(shards / 'none.tar')):
        pass
    with pytest.raises(UnreadableImageError, match='No sample'):
        next(iter(build(shards, 'none.tar', infinite=True)))


def test_shards_are_found_and_checked(shards):
    root = str(shards)
    assert len(expand_shards('{00000..00003}.tar', root)) == 4
    assert len(expand_shards('*.tar', root)) == 4
    assert len(expand_shards(['00000.tar', '0000[12].tar'], root)) == 3
    assert expand_shards('https://x.org/{0..1}.tar', root) == ['https://x.org/0.tar', 'https://x.org/1.tar']
    for urls in ('{00003..00004}.tar', 'x*.tar'):
        with pytest.raises(FileNotFoundError, match='No shard'):
            expand_shards(urls, root)
    with pytest.raises(FileNotFoundError, match='names no shard'):
        expand_shards([], root)


def test_too_few_shards(shards):
    dataset = build(shards, '0000[01].tar')
    dataset.world_size = 3
    with pytest.raises(ValueError, match='2 shards for 3 readers'):
        list(dataset)


def test_samples_per_shard_must_fit(shards):
    with pytest.raises(ValueError, match='3 numbers for 4 shards'):
        build(shards, samples_per_shard=[5, 5, 5])


@pytest.mark.parametrize('kind', [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE])
def test_headers_that_fill_the_memory_are_not_read(shards, kind):
    member = tarfile.TarInfo('long')
    member.type, member.size = kind, 2**24
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    if kind == tarfile.GNUTYPE_SPARSE:
        # Its list of holes goes on in the next block, as long as that has a 1 at its end.
        header[482] = 1
        header[148:156] = b'%06o\0 ' % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
    with tarfile.open(shards / 'short.tar', 'w') as archive:
        for name, value in (('a.jpg', jpg(1)), ('a.txt', b'a text')):
            own = tarfile.TarInfo(name)
            own.size = len(value)
            archive.addfile(own, io.BytesIO(value))
    (shards / 'long.tar').write_bytes(bytes(header) + b'1' * 2**24 + (shards / 'short.tar').read_bytes())
    tracemalloc.start()
    samples = list(read_shard(str(shards / 'long.tar'), lambda what: None))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [sample['__key__'] for sample in samples] == ['a']
    assert peak < 2**23
