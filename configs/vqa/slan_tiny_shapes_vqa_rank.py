"""As slan_tiny_shapes_vqa, but answers are chosen from the closed list of all there are, in two stages.

    python tools/test.py configs/vqa/slan_tiny_shapes_vqa_rank.py work_dirs/slan_tiny_shapes_vqa

Expected: not measured here (docs/tasks/vqa.md).
"""

_base_ = './slan_tiny_shapes_vqa.py'

answers = ['yes', 'no', '2', '3', '4', '5', '6', '7', '8', '9']
answers += ['red', 'orange', 'yellow', 'green', 'cyan', 'blue', 'purple', 'pink']
answers += ['circle', 'square', 'triangle', 'diamond', 'cross', 'star']
model = dict(inference='rank', answer_list=answers, rank_k=8)
