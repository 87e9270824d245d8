import re

from benchmark_index import main


def test_what_is_measured(capsys):
    main(['--pictures', '60', '--queries', '3', '--chunk', '25', '--m', '60', '--k', '12', '--engine', 'faiss'])
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith('60 pictures, 3 texts')
    kept, half = map(float, re.findall(r'([\d.]+) %', first))
    assert min(kept, half) > 80
    # m takes all: what the cascade finds is what the kept regions find.
    assert float(re.search(r'recall@10 ([\d.]+) %', second)[1]) == kept
    assert second.endswith('59 left') and int(re.search(r'(\d+) bytes a picture', second)[1]) < 6144


def test_the_exact_search_alone(capsys):
    main(['--embeddings-only', '--pictures', '200', '--width', '8', '--queries', '3', '--m', '20'])
    times = r'p50 \d+ ms, p95 \d+ ms; the first text \d+ ms\n'
    said = capsys.readouterr().out
    assert re.fullmatch('200 embeddings of 8 numbers, the 20 nearest of one text: ' + times, said)
