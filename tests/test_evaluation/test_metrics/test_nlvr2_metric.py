import pytest

from slan_mm.registry import METRICS


def answers(**by_identifier):
    return [
        {'sample_id': name.replace('_', '-'), 'pred_label': predicted, 'gt_label': gold}
        for name, (predicted, gold) in by_identifier.items()
    ]


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr('slan_mm.evaluation.metrics.nlvr2_metric.print_log', lambda line, logger: lines.append(line))
    return lines


def test_scores_protocol_and_file(said, tmp_path):
    metric = METRICS.build(dict(type='NLVR2Metric', out_file=str(tmp_path / 'deep/answers.csv')))
    metric.dataset_meta = {'title': 'NLVR2 dev.json', 'left_out': 7}
    metric.process(None, answers(dev_1_0_0=(1, 1), dev_1_1_0=(0, 0)))
    metric.process(None, answers(dev_2_0_0=(1, 0), dev_1_0_0=(1, 1)))  # the last one came before
    scores = metric.evaluate(4)
    assert scores['nlvr2/accuracy'] == pytest.approx(200 / 3) and scores['nlvr2/consistency'] == 50.0
    (line,) = said
    assert 'NLVR2 dev.json, 3 examples (1 repeated ones dropped) of 2 sentences; 7 examples left out' in line
    written = (tmp_path / 'deep/answers.csv').read_text().splitlines()
    assert written == ['dev-1-0-0,True', 'dev-1-1-0,False', 'dev-2-0-0,True']


def test_the_order_does_not_matter(said):
    samples = answers(dev_1_0_0=(1, 1), dev_1_1_0=(0, 1), dev_2_0_0=(0, 0), dev_3_0_0=(1, 0))
    results = []
    for order in (samples, samples[::-1]):
        metric = METRICS.build(dict(type='NLVR2Metric'))
        metric.process(None, order)
        results.append(metric.evaluate(len(samples)))
    assert results[0] == results[1]
