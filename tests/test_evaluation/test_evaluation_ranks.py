"""Every metric over two ranks is that over one: whatever the number of samples, and with a rank that has none."""

import os

import pytest
import torch
from mmengine.dataset import DefaultSampler
from support.processes import run_ranks
from support.retrieval_fakes import FakeModel, fake_loader, fake_samples

from slan_mm.evaluation import CaptionMetric, GroundingMetric, NLVR2Metric, RetrievalEvaluator, VQAMetric

#: Number of samples, and whether the sampler repeats some so that all ranks get equally many. Of one sample, without
#: repeats, the second rank gets none.
CASES = [(7, True), (7, False), (1, True), (1, False)]


def grounding(index):
    box = torch.tensor([[0.0, 0.0, 4.0 + index, 8.0]])
    level = dict(boxes=torch.tensor([[0.0, 0.0, 8.0, 8.0], [1.0, 1.0, 5.0, 5.0]]), scores=torch.tensor([0.9, 0.4]))
    phrase = dict(spans=[[0, 1]], boxes=box, category=['animals'] if index % 2 else ['people'])
    regions = dict(boxes=torch.tensor([[0.0, 0.0, 0.1 * index + 0.1, 0.5], [0.2, 0.2, 0.9, 0.9]]))
    return dict(
        sample_id=str(index), ori_shape=(8, 12), phrases=[phrase], pred_phrases=[[level, level]], pred_regions=regions
    )


def nlvr2(index):
    return dict(sample_id=f'dev-{index // 2}-{index % 2}-0', pred_label=int(index % 3 == 0), gt_label=index % 2)


def vqa(index):
    return dict(question_id=index, pred_answer='yes' if index % 3 else 'no', answers=['yes'] * 10, answer_type='yes/no')


def caption(index):
    return dict(image_id=str(index), pred_caption='a red bus', text=['a red bus' if index % 2 else 'a bus'])


METRICS = {
    'grounding': (GroundingMetric, grounding),
    'nlvr2': (NLVR2Metric, nlvr2),
    'vqa': (VQAMetric, vqa),
    'caption': (lambda: CaptionMetric(scorers=(), tokenizer='simple'), caption),
}


def evaluate(size, round_up):
    """The metrics of all tasks by what this rank is given of ``size`` samples; and how many that are."""
    indices = list(DefaultSampler(range(size), shuffle=False, round_up=round_up))
    results = {}
    for task, (build, sample) in METRICS.items():
        metric = build()
        if indices:
            metric.process(None, [sample(index) for index in indices])
        results[task] = metric.evaluate(size)
    loader = fake_loader(fake_samples(size))
    sampler = DefaultSampler(loader.dataset, shuffle=False, round_up=round_up)
    results['retrieval'] = RetrievalEvaluator(k=3).run(FakeModel(), fake_loader(fake_samples(size), 2, sampler))
    return len(indices), results


def on_a_rank(rank, folder):
    os.chdir(folder)  # where MMEngine puts what ranks hand over
    return [evaluate(*case) for case in CASES]


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ranks')
    return run_ranks(on_a_rank, 2, folder, str(folder))


@pytest.mark.parametrize('case', range(len(CASES)), ids=[f'{size}-{repeats}' for size, repeats in CASES])
def test_two_ranks_score_as_one(ranks, case):
    size, round_up = CASES[case]
    _, expected = evaluate(size, round_up)
    shares = [result[case][0] for result in ranks]
    assert shares == [-(-size // 2), -(-size // 2) if round_up else size // 2]
    for _, results in (result[case] for result in ranks):
        assert results.keys() == expected.keys()
        for task, metrics in expected.items():
            assert len(metrics) > 1 and results[task] == pytest.approx(metrics), task
