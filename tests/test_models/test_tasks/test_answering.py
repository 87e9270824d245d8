"""The answerer: both ways to answer, the weights of answers, and that an answer depends on nothing else."""

import json

import pytest
import torch
from support.writing import QUESTIONS, build_writer, overfit, question_batch

ANSWERS = ['no', 'yes', 'red', 'blue', '2', '3', 'circle', 'square', 'star', 'green']


@pytest.fixture(scope='module')
def trained():
    model = build_writer('SLANAnswerer', decoder=dict(max_words=8)).train()
    losses = overfit(model, question_batch(), 'loss_answer')
    return model.eval(), losses


@pytest.fixture(scope='module')
def ranking(trained):
    model = build_writer(
        'SLANAnswerer', decoder=dict(max_words=8), inference='rank', answer_list=ANSWERS, rank_k=4, rank_chunk=3
    )
    model.load_state_dict(trained[0].state_dict())
    return model.eval()


def answers_of(model, indices):
    return [(sample.pred_answer, sample.pred_score) for sample in model.test_step(question_batch(indices))]


@pytest.mark.parametrize('which', ['generate', 'rank'])
def test_it_learns_a_batch(which, trained, ranking):
    model, losses = trained
    assert losses[-1] < 0.5 * losses[0]
    answers = answers_of(model if which == 'generate' else ranking, (0, 1, 2, 3))
    assert [answer for answer, _ in answers] == [gold[0] for _, gold, _ in QUESTIONS]


@pytest.mark.parametrize('which', ['generate', 'rank'])
def test_an_answer_does_not_depend_on_its_batch(which, trained, ranking):
    model = trained[0] if which == 'generate' else ranking
    together = answers_of(model, (0, 1, 2, 3))
    for order in ((3, 1, 0, 2), (2,), (0, 2)):
        for index, (answer, score) in zip(order, answers_of(model, order), strict=True):
            assert answer == together[index][0]
            assert score == pytest.approx(together[index][1], abs=1e-4)


def test_an_answer_is_weighed_by_its_share_of_the_annotators():
    model = build_writer('SLANAnswerer').eval()
    batch = question_batch((0, 2))
    batch['data_samples'][1].set_field(0.2, 'answer_weight')
    data = model.data_preprocessor(batch, False)
    with torch.no_grad():
        memory = model.remember(**data)
        loss = model.loss(**data)['loss_answer']
        rows = torch.tensor([0, 0, 1, 1])
        each = -model.decoder.log_probs(memory[rows], ['yes', 'no', '2', '3'])
    expected = (each * torch.tensor([0.8, 0.2, 0.2 * 0.9, 0.2 * 0.1])).sum() / 2
    torch.testing.assert_close(loss, expected)


def test_the_answer_depends_on_the_question(trained):
    model, _ = trained
    batch = question_batch((1, 1))
    batch['data_samples'][1].set_field('how many shapes', 'text')
    with torch.no_grad():
        data = model.data_preprocessor(batch, False)
        scores = model.decoder.log_probs(model(**data, mode='tensor'), ['blue', 'blue'])
    assert abs(scores[0] - scores[1]) > 1e-3


def test_a_question_without_an_answer_cannot_be_learnt():
    model = build_writer('SLANAnswerer')
    batch = question_batch((1,))
    batch['data_samples'][0].set_field(['', ' '], 'answers')
    with pytest.raises(ValueError, match="question 'sample1' has no answer to learn"):
        model(**model.data_preprocessor(batch, True), mode='loss')


def test_an_answer_list_is_given_or_read(tmp_path):
    file = tmp_path / 'answers.json'
    file.write_text(json.dumps(ANSWERS))
    assert build_writer('SLANAnswerer', inference='rank', answer_list=str(file)).answers == ANSWERS
    assert build_writer('SLANAnswerer', inference='rank', answer_list=ANSWERS).answers == ANSWERS
    with pytest.raises(ValueError, match='answer_list, entry 1: .* is entry 0, too'):
        build_writer('SLANAnswerer', inference='rank', answer_list=['yes', 'yes'])
    with pytest.raises(FileNotFoundError, match='does not exist'):
        build_writer('SLANAnswerer', inference='rank', answer_list=str(tmp_path / 'none.json'))
    with pytest.raises(ValueError, match='needs an answer_list'):
        build_writer('SLANAnswerer', inference='rank')
    with pytest.raises(ValueError, match='inference must be one of'):
        build_writer('SLANAnswerer', inference='guess')
