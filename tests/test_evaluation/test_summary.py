"""The table at the end of a run."""

from slan_mm.evaluation.summary import summary_table

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
    table = summary_table(METRICS)
    assert row(table, 'picture -> text, R@1, re-ranked by ITM') == ['31.0', '0.2']
    assert row(table, 'phrase -> pointing accuracy') == ['90.0', '16.1', '55.2']
    assert row(table, 'phrase -> box, mean IoU') == ['0.52']
    assert row(table, 'training and evaluation, minutes') == ['14.3']


def test_what_was_not_measured_is_left_out():
    table = summary_table(METRICS)
    assert 'R@5' not in table and 'ITC alone' not in table and 'mean side' not in table


def test_lines_fit_a_terminal():
    assert max(map(len, summary_table(METRICS).splitlines())) <= 100
