"""A task's model from a pre-training checkpoint, tensors of earlier versions, refusal of another model's checkpoint."""

from __future__ import annotations

import re
from typing import Any

from mmengine.logging import print_log
from torch import nn

#: The parts that every model of the project has.
SHARED = ('image_branch', 'text_branch', 'locator')
#: What a pre-training that kept its reference boxes (``learn_boxes=False``) lacks; fresh, it moves no box.
_BOX_HEAD = 'image_branch.detector.box_head.'
#: What pre-training alone has.
_OBJECTIVE = 'objective.'
#: What checkpoints call the text encoder's model that were made when BERT was the only one.
_OLD_TEXT_MODEL = re.compile(r'(?:^|(?<=encoder\.))bert\.')

#: Tensors of pre-training that are those of a text decoder of the text encoder's sizes, by how their names begin.
_DECODER = {
    'text_branch.encoder.backbone.': 'decoder.bert.bert.',
    'objective.lm_head.transform.0.': 'decoder.bert.cls.predictions.transform.dense.',
    'objective.lm_head.transform.2.': 'decoder.bert.cls.predictions.transform.LayerNorm.',
    'objective.lm_head.bias': 'decoder.bert.cls.predictions.bias',
}

#: Of each region-word term the word weights, in pre-training and in a task.
_WEIGHTS = re.compile(r'objective\.region_word\.(\w+)\.calibration\.')

#: What is chosen on held-out pictures; a model has it, or not, whatever its checkpoint says.
_CHOSEN = ('score_weights.', 'presence.')


def start_decoder(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """A ``load_state_dict`` pre-hook of a model that writes: its decoder starts as the checkpoint's text encoder.

    A pre-training checkpoint has no decoder. One as wide as the text encoder takes over the encoder's words and layers,
    and of the head of masked words what fits; cross-attention stays random. So does ALBEF's.
    """
    if not _of_objectives(state_dict, prefix) or any(name.startswith(f'{prefix}decoder.') for name in state_dict):
        return
    own, taken = module.state_dict(), {}
    for start, instead in _DECODER.items():
        for name in [name for name in state_dict if name.startswith(prefix + start)]:
            taken[instead + name.removeprefix(prefix + start)] = state_dict[name]
    words = taken.get('decoder.bert.bert.embeddings.word_embeddings.weight')
    if words is not None:
        taken['decoder.bert.cls.predictions.decoder.weight'] = words
    if 'decoder.bert.cls.predictions.bias' in taken:
        taken['decoder.bert.cls.predictions.decoder.bias'] = taken['decoder.bert.cls.predictions.bias']
    if words is None or own['decoder.bert.bert.embeddings.word_embeddings.weight'].shape != words.shape:
        return
    taken = {name: value for name, value in taken.items() if name in own and own[name].shape == value.shape}
    state_dict.update({prefix + name: value for name, value in taken.items()})
    print_log(f'The text decoder starts as the text encoder of the checkpoint: {len(taken)} tensors.', logger='current')


def _shared(module: nn.Module) -> dict[str, Any]:
    return {name: value for name, value in module.state_dict().items() if name.split('.', 1)[0] in SHARED}


def _of_objectives(state_dict: dict[str, Any], prefix: str) -> list[str]:
    return [name for name in state_dict if name.startswith(prefix + _OBJECTIVE)]


def rename_old(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """A ``load_state_dict`` pre-hook: gives tensors of earlier versions their present names."""
    for name in list(state_dict):
        if name.startswith(prefix) and (present := _OLD_TEXT_MODEL.sub('backbone.', name)) != name:
            state_dict[present] = state_dict.pop(name)


def fit_chosen(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """A ``load_state_dict`` pre-hook: what was chosen on held-out pictures (weights of the final score, presence) is
    left out where ``module`` has no place for it, and stays as it is where a checkpoint has none. So
    ``model.score_weights=None`` gives every term of a checkpoint the weight that it has without a choice."""
    own = {f'{prefix}{name}': value for name, value in module.state_dict().items() if name.startswith(_CHOSEN)}
    for name in [name for name in state_dict if name.removeprefix(prefix).startswith(_CHOSEN) and name not in own]:
        del state_dict[name]
    for name, value in own.items():
        state_dict.setdefault(name, value)


def fit_objective(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """A ``load_state_dict`` pre-hook: momentum encoders, and the ITM head of the early exit, are left out where
    ``module`` has none. Where a checkpoint has no head of the early exit, it is that of the last level."""
    early, last, momentum = (f'{prefix}{_OBJECTIVE}{name}.' for name in ('early_itm_head', 'itm_head', 'momentum'))
    own = list(module.state_dict(prefix=prefix))
    unread = tuple(start for start in (early, momentum) if not any(name.startswith(start) for name in own))
    for name in [name for name in state_dict if name.startswith(unread)]:
        del state_dict[name]
    head = [name for name in own if name.startswith(early)]
    if not any(name in state_dict for name in head):
        taken = {name: state_dict.get(last + name.removeprefix(early)) for name in head}
        state_dict.update({name: value for name, value in taken.items() if value is not None})


def refuse_other_architecture(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """A ``load_state_dict`` pre-hook that refuses checkpoints of another architecture.

    MMEngine would only warn and leave the model random. Weights of heads may be missing or left over.

    Raises:
        ValueError: The checkpoint is another architecture's: it has none of the shared weights, lacks some, or they
            have other shapes.
    """
    shared = _shared(module)
    # A batch norm's counter has no bearing on the output, and older files lack it.
    optional = ['num_batches_tracked', *([_BOX_HEAD] if _of_objectives(state_dict, prefix) else [])]
    missing = [
        name for name in shared if prefix + name not in state_dict and not any(part in name for part in optional)
    ]
    kind = type(module).__name__
    if not any(prefix + name in state_dict for name in shared):
        raise ValueError(
            f'the checkpoint is no {kind} and no pre-trained SLAN: it has none of '
            f'{", ".join(f"{n}.*" for n in SHARED)} but e.g. {sorted(state_dict)[:3]}. '
            'For a DETR of mmdet see tools/model_converters/detr_to_slan.py.'
        )
    if missing:
        raise ValueError(
            f'the checkpoint is of another architecture than this {kind}: it lacks {len(missing)} of the '
            f"{len(shared)} shared tensors, e.g. {missing[:3]}. Use the model's config that it was trained with."
        )
    # Backbones resize their own position embeddings.
    wrong = [
        f'{name} {tuple(state_dict[prefix + name].shape)} for {tuple(value.shape)}'
        for name, value in shared.items()
        if prefix + name in state_dict
        and not name.endswith('pos_embed')
        and state_dict[prefix + name].shape != value.shape
    ]
    if wrong:
        raise ValueError(
            f'the checkpoint is of another architecture than this {kind}: {len(wrong)} tensors have other shapes, '
            f"e.g. {'; '.join(wrong[:3])}. Use the model's config that it was trained with."
        )


def keep_fresh_head(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """A ``load_state_dict`` pre-hook of a task model whose new head is its zero-shot head.

    A pre-training checkpoint (it has ``objective.*`` and no weights of the head) loads as if the head's present
    weights were in it, also strictly, so that ``tools/test.py`` evaluates it. Other checkpoints are not changed.
    """
    pretraining = _of_objectives(state_dict, prefix)
    if not pretraining:
        return
    own = module.state_dict()
    for name in pretraining:
        value = state_dict.pop(name)
        instead = _WEIGHTS.sub(r'word_weights.calibration.\1.', name.removeprefix(prefix))
        if instead in own:
            state_dict[prefix + instead] = value
    fresh = {name: value for name, value in own.items() if prefix + name not in state_dict}
    state_dict.update({prefix + name: value for name, value in fresh.items()})
    print_log(
        f'A pre-training checkpoint: {len(pretraining)} tensors of its objectives are left out, {len(fresh)} of '
        f'the {type(module).__name__} stay as they are (zero-shot).',
        logger='current',
    )
