"""The table at the end of a run."""

from slan_mm.evaluation.metrics_table import metrics_table

METRICS = {
    'retrieval/i2t_R1': 31.04,
    'retrieval/chance_R1': 0.2,
    'grounding/pointing': 90.0,
    'grounding/pointing_center': 16.1,
    'grounding/pointing_level0': 55.2,
    'grounding/mean_iou': 0.524,
    'train_eval_minutes': 14.26,
}


def row(table, name):
    return next(line for line in table.splitlines() if name in line).replace(name, '').split()


def test_each_metric_stands_beside_its_chance():
    table = metrics_table(METRICS)
    assert row(table, 'image -> text, R@1, re-ranked by ITM') == ['31.0', '0.2']
    assert row(table, 'phrase -> pointing accuracy') == ['90.0', '16.1', '55.2']
    assert row(table, 'phrase -> box, mean IoU') == ['0.52']
    assert row(table, 'training and evaluation, minutes') == ['14.3']


def test_what_was_not_measured_is_left_out():
    table = metrics_table(METRICS)
    assert 'R@5' not in table and 'ITC alone' not in table and 'mean side' not in table


def test_lines_fit_a_terminal():
    assert max(map(len, metrics_table(METRICS).splitlines())) <= 100


def test_columns_and_notes_are_of_what_is_there():
    table = metrics_table({'caption/CIDEr': 43.71, 'caption/exact': 0.25, 'caption/num_images': 8.0, 'time': 1.0})
    assert row(table, 'caption/CIDEr') == ['43.7'] and row(table, 'caption/exact') == ['0.250']
    assert not any(word in table.lower() for word in ('chance', 'adaptor', 'num_images', 'time'))
    table = metrics_table({'nlvr2/accuracy': 62.0, 'nlvr2/consistency': 20.0, 'nlvr2/num_examples': 400.0})
    assert row(table, 'statements judged rightly') == ['62.0', '50.0'] and 'a coin' in table


def test_tasks_of_other_names_are_told_apart():
    found = {'pointing': 1.0, 'R1': 2.0}
    metrics = {f'{task}/{name}': value for task in ('testA', 'grounding') for name, value in found.items()}
    metrics |= {'msrvtt/i2t_R1': 3.0, 'msrvtt_itc/i2t_R1': 4.0, 'msrvtt/chance_R1': 0.1}
    table = metrics_table(metrics)
    assert row(table, 'testA: phrase -> box, R@1 at IoU .5') == ['2.0']
    assert row(table, '  phrase -> box, R@1 at IoU .5') == ['2.0']
    assert row(table, 'msrvtt: image -> text, R@1, ITC alone') == ['4.0', '0.1']


def test_retrieval_that_left_itm_out():
    names = [f'retrieval_{part}/{way}_R' for part in ('shortlist', 'itc') for way in ('i2t', 't2i')]
    metrics = {name + str(k): 10.0 * k for name in names for k in (1, 5)}
    table = metrics_table(metrics | {'retrieval/chance_R1': 4.0})
    assert row(table, 'text -> image, R@1, without ITM') == ['10.0', '4.0']
    assert row(table, 'image -> text, R@1, ITC alone') == ['10.0', '4.0']
    assert 're-ranked' not in table and 'retrieval' not in table


def test_weights_and_curves_of_a_search_are_no_tasks():
    found = {f'retrieval{part}/i2t_R1': 10.0 for part in ('', '_itc', '_region_word')}
    table = metrics_table(found | {'retrieval_weights/itm': 0.5, 'retrieval_curve/itm_0.5': 40.0})
    assert row(table, 'image -> text, R@1, region-word terms alone') == ['10.0']
    assert 'weights' not in table and 'curve' not in table
