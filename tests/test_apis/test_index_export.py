"""An index as files of Milvus and Qdrant: read back by hand, and by the clients of both where they are installed."""

import json

import numpy as np
import pytest
import torch
from pyarrow.parquet import read_table
from support.pictures_index import HEADER, add, features_of

from slan_mm.apis import PictureIndexError
from slan_mm.apis import index_export as module
from slan_mm.apis.index_engines import open_index
from slan_mm.apis.index_export import PROGRAMS, export_index
from slan_mm.apis.picture_summary import PictureSummary
from slan_mm.apis.picture_table import IndexedPicture

NUMBERS = [1, 3, 4, 5, 0]


@pytest.fixture(scope='module', params=['faiss', 'lancedb'])
def index(request, tmp_path_factory):
    """Five pictures; one was removed, and one encoded again."""
    index = open_index(tmp_path_factory.mktemp('export') / 'index', HEADER, request.param)
    add(index, [0, 1, 2])
    index.save()
    index.remove(['/pictures/2.jpg'])
    add(index, [3, 4, 5, 0])
    index.save()
    return open_index(index.folder)


@pytest.fixture(params=PROGRAMS)
def program(request, monkeypatch):
    monkeypatch.setitem(PROGRAMS, request.param, (*PROGRAMS[request.param][:3], 2))
    return request.param


def read_qdrant(folder):
    """By id what stands in files for Qdrant: the picture, embedding, regions and boxes."""
    read = {}
    for path in sorted((folder / 'rows').glob('*.json')):
        for point in json.loads(path.read_text())['points']:
            payload, vector = point['payload'], point['vector']
            boxes = payload.pop('boxes')['lexical']
            picture = IndexedPicture(id=point['id'], **payload)
            read[picture.id] = picture, vector['embedding'], vector['lexical'], boxes
    return read


def read_milvus(folder):
    """The same of files for Milvus."""
    read = {}
    for path in sorted((folder / 'rows').glob('*.parquet')):
        for row in read_table(path).to_pylist():
            embedding, regions, boxes = (row.pop(name) for name in ('embedding', 'regions_lexical', 'boxes_lexical'))
            picture = IndexedPicture(**row)
            read[picture.id] = picture, embedding, np.reshape(regions, (-1, 3)), np.reshape(boxes, (-1, 4))
    return read


READERS = {'qdrant': read_qdrant, 'milvus': read_milvus}


def test_all_is_read_back(index, program, tmp_path):
    assert export_index(index, tmp_path / 'out', program) == len(NUMBERS)
    read = READERS[program](tmp_path / 'out')
    assert sorted(read) == sorted(picture.id for picture in index.pictures.values())
    summary = PictureSummary.of(features_of(NUMBERS))
    for row, number in enumerate(NUMBERS):
        picture = index.pictures[f'/pictures/{number}.jpg']
        found, embedding, regions, boxes = read[picture.id]
        assert found == picture
        assert torch.equal(torch.tensor(embedding, dtype=torch.float16), summary.embedding[row])
        assert np.array_equal(regions, summary.regions['lexical'][row])
        assert np.array_equal(boxes, summary.boxes['lexical'][row])
    # Two pictures a file, and one.
    assert len(list((tmp_path / 'out' / 'rows').iterdir())) == 3


def test_an_export_is_replaced_and_a_users_files_are_left_alone(index, program, tmp_path):
    export_index(index, tmp_path / 'out', program)
    (tmp_path / 'out' / 'rows' / 'of_an_earlier_export').touch()
    export_index(index, tmp_path / 'out', program)
    assert len(READERS[program](tmp_path / 'out')) == len(NUMBERS)
    assert not (tmp_path / 'out' / 'rows' / 'of_an_earlier_export').exists()
    (tmp_path / 'rows').mkdir()
    with pytest.raises(FileExistsError, match='rows is there already, and this tool did not write it'):
        export_index(index, tmp_path, program)


def test_an_interrupted_export_has_no_collection(index, program, tmp_path, monkeypatch):
    make, write, ending, size = PROGRAMS[program]

    def interrupted(part, path):
        if path.name.startswith('.000001'):
            raise KeyboardInterrupt
        write(part, path)

    monkeypatch.setitem(PROGRAMS, program, (make, interrupted, ending, size))
    with pytest.raises(KeyboardInterrupt):
        export_index(index, tmp_path, program)
    assert [path.name for path in (tmp_path / 'rows').iterdir()] == [f'000000.{ending}']
    assert not (tmp_path / 'collection.json').exists()


def test_what_cannot_be_exported_is_told_before_anything_is_written(index, program, tmp_path, monkeypatch):
    empty = open_index(tmp_path / 'index', HEADER)
    with pytest.raises(PictureIndexError, match='is empty'):
        export_index(empty, tmp_path / 'out', program)
    add(empty, [1])
    empty.add(['/pictures/\udcff.jpg'], [(1, 1)], [(1, 2)], features_of([7]))
    empty.save()
    with pytest.raises(PictureIndexError, match=r"the first '/pictures/\\udcff.jpg', are not UTF-8"):
        export_index(empty, tmp_path / 'out', program)
    monkeypatch.setattr(module, 'MAX_CAPACITY', 5)
    if program == 'milvus':
        with pytest.raises(PictureIndexError, match='regions_lexical has 6 numbers a picture: Milvus allows 5'):
            export_index(index, tmp_path / 'out', program)
    assert not (tmp_path / 'out').exists()


def test_qdrants_client_finds_what_the_index_finds(index, tmp_path):
    qdrant = pytest.importorskip('qdrant_client')
    models = qdrant.models
    export_index(index, tmp_path, 'qdrant')
    client = qdrant.QdrantClient(':memory:')
    collection = models.CreateCollection.model_validate_json((tmp_path / 'collection.json').read_text())
    client.create_collection('pictures', vectors_config=collection.vectors)
    for path in sorted((tmp_path / 'rows').iterdir()):
        client.upsert('pictures', models.PointsList.model_validate_json(path.read_text()).points)
    for number in NUMBERS:
        query = features_of([number]).embedding
        found = client.query_points('pictures', query[0].tolist(), using='embedding', limit=5).points
        assert [point.id for point in found] == [picture.id for picture in index.nearest(query, 5)[0].pictures]
        words = features_of([number]).region_space['lexical'][0].tolist()
        (best,) = client.query_points('pictures', words, using='lexical', limit=1, with_vectors=True).points
        assert best.payload['path'] == f'/pictures/{number}.jpg' and best.score == pytest.approx(2, abs=1e-3)
        assert np.allclose(best.vector['lexical'], words, atol=2e-2)


def test_milvus_client_finds_what_the_index_finds(index, tmp_path):
    """Milvus Lite has no bulk import: rows are inserted. That of a server reads what Milvus' own writer writes."""
    milvus = pytest.importorskip('pymilvus')
    pytest.importorskip('milvus_lite')
    bulk_writer = pytest.importorskip('pymilvus.bulk_writer')

    export_index(index, tmp_path / 'out', 'milvus')
    collection = json.loads((tmp_path / 'out' / 'collection.json').read_text())
    names = {kind.name.replace('_', '').lower(): kind for kind in milvus.DataType}
    schema = milvus.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    for field in collection['schema']['fields']:
        more = {name: int(value) for name, value in field.get('elementTypeParams', {}).items()}
        if 'elementDataType' in field:
            more['element_type'] = names[field['elementDataType'].lower()]
        kind = names[field['dataType'].lower()]
        schema.add_field(field['fieldName'], kind, is_primary=field.get('isPrimary', False), **more)
    (path,) = (tmp_path / 'out' / 'rows').iterdir()
    rows = read_table(path).to_pylist()
    writer = bulk_writer.LocalBulkWriter(schema, str(tmp_path / 'own'), file_type=bulk_writer.BulkFileType.PARQUET)
    for row in rows:
        writer.append_row(dict(row))
    writer.commit()
    (own,) = (tmp_path / 'own').rglob('*.parquet')
    assert read_table(own).schema.remove_metadata() == read_table(path).schema
    assert read_table(own).to_pylist() == rows

    client = milvus.MilvusClient(str(tmp_path / 'milvus.db'))
    client.create_collection('pictures', schema=schema)
    chosen = client.prepare_index_params()
    for entry in collection['indexParams']:
        chosen.add_index(entry['fieldName'], entry['indexType'], entry['indexName'], metric_type=entry['metricType'])
    client.create_index('pictures', chosen)
    client.insert('pictures', rows)
    client.load_collection('pictures')
    for number in NUMBERS:
        query = features_of([number]).embedding
        (found,) = client.search('pictures', query.tolist(), limit=5, output_fields=['path'])
        assert [hit['id'] for hit in found] == [picture.id for picture in index.nearest(query, 5)[0].pictures]
    client.close()


def test_a_program_that_there_is_not(index, tmp_path):
    with pytest.raises(ValueError, match="program must be 'qdrant' or 'milvus', got 'pinecone'"):
        export_index(index, tmp_path / 'out', 'pinecone')
