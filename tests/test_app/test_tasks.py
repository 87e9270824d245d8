"""The other tasks: a model offers what it has a head for, and nothing else."""

import re

import pytest

from slan_mm.app.about import about
from slan_mm.app.messages import AppError
from slan_mm.app.models import AppModel
from slan_mm.app.tasks import TASKS, answer, caption, detect, judge, tasks_of


@pytest.mark.parametrize('task', TASKS)
def test_a_model_offers_what_it_has_a_head_for(task_model, task):
    assert tasks_of(task_model(task)) == [task]


def test_the_published_model_has_none_of_these_heads(model, picture):
    assert tasks_of(model) == [] and {'grounding', 'search', 'retrieval'} <= set(model.tasks)
    with pytest.raises(AppError, match='captioning: SLAN has no decoder'):
        caption(model, picture)


def test_caption_and_answer_have_a_score(task_model, picture):
    lines = [caption(task_model('captioning'), picture), answer(task_model('vqa'), picture, 'what colour is it?')]
    for line in lines:
        assert re.fullmatch(r'.+\n(log-probability -?\d+\.\d\d|no score)', line)


def test_a_sentence_about_two_pictures(task_model, picture):
    assert re.fullmatch(
        r'(true|false)\nprobability of true \d\.\d\d', judge(task_model('nlvr2'), picture, picture, 'a circle')
    )
    with pytest.raises(AppError, match='Choose a right picture first'):
        judge(task_model('nlvr2'), picture, None, 'a circle')


def test_classes_have_colours(task_model, picture):
    page = detect(task_model('detection'), picture, 'red circle, blue square', 5)
    assert page.count('<tr>') == 6 and page.count('rect class="best"') == 5 and 'viewBox="0 0 320 240"' in page
    with pytest.raises(AppError, match='Write a list of classes first'):
        detect(task_model('detection'), picture, ' ')


def test_about_says_what_the_model_can_and_what_it_has_seen(model, task_model):
    page = about(model, shipped=True)
    assert (
        'Its tasks: grounding, search.' in page
        and 'not a probability' in page
        and 'It does not work on photographs' in page
    )
    assert 'Its tasks: vqa.' in about(task_model('vqa'), shipped=False)


def test_a_model_is_named_without_its_path_and_loaded_once(model):
    assert model.name == 'slan_tiny_shapes_long (model.safetensors)'
    networks = {id(model.inferencer(task).model) for task in ('grounding', 'search', 'retrieval')}
    assert len(networks) == 1


def test_a_model_without_weights_is_told():
    from slan_mm.shipped import ROOT, TINY_MODEL

    with pytest.raises(ValueError, match='a checkpoint is needed'):
        AppModel(str(ROOT / TINY_MODEL[0]))


def test_a_folder_is_a_model_and_gives_its_name(model, tmp_path):
    model.inferencer('grounding').model.save_pretrained(tmp_path / 'my-model')
    assert AppModel(tmp_path / 'my-model', device='cpu').name == 'my-model (model.safetensors)'
