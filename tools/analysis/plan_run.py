"""Plans a pre-training run before there is a machine for it: memory and operations of a GPU, days, checkpoints.

    python tools/analysis/plan_run.py configs/pretrain/slan_vit-{l,h}_14m.py

Everything it prints is computed, nothing is measured. By running shapes through the config's model it counts the
operations of a training step, with the backward pass and recomputed layers, and the bytes that its graph keeps. The
GPU's peak, its utilisation and the speed of its links are assumptions. How much communication overlaps with computation
is unknown, so the days are given for full and for no overlap. Not in the sums: what FSDP gathers at a time, NCCL's
buffers, and unused memory of the allocator.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slan_mm.arguments import real
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='+', help='pre-training configs')
    parser.add_argument('--gpus', type=positive, nargs='+', default=[8, 64], help='numbers of GPUs')
    parser.add_argument(
        '--links',
        type=option(real(0, above=True)),
        nargs='+',
        default=[450, 50],
        help='GB/s a GPU receives, for each',
    )
    parser.add_argument('--samples', type=positive, default=15_000_000, help='captions of the training sets')
    parser.add_argument('--epochs', type=positive, default=20)
    parser.add_argument('--size', type=positive, default=224, help='side of the pictures')
    parser.add_argument('--words', type=positive, default=20, help='tokens of a caption')
    parser.add_argument('--micro-batch', type=positive, help="samples of a GPU at a time (default: the config's)")
    parser.add_argument(
        '--peak', type=option(real(0, above=True)), default=989.0, help='of a GPU, dense bfloat16, TFLOP/s'
    )
    parser.add_argument(
        '--utilisation', type=option(real(0, 1, above=True)), default=0.3, help='assumed share of the peak'
    )
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from count_params import offline_model, table
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from slan_mm.applied_config import without_momentum
from slan_mm.config import read_config
from slan_mm.models.objectives.contrastive import region_word_scores
from slan_mm.registry import MODELS

GIB = 2**30
#: Bytes of a parameter: float32 weight, its gradient, and AdamW's two averages.
WEIGHT, GRADIENT, ADAM = 4, 4, 8


@dataclass
class Step:
    """What one training step of some samples takes.

    - ``flops``: operations of forward and backward pass; ``repeated``: of the forward passes that activation
      checkpointing runs a second time.
    - ``kept``: bytes that the graph keeps from the forward for the backward pass; with checkpointing only the inputs of
      the chosen modules, and of one of them at a time, the largest, what it needs inside.
    """

    flops: int
    repeated: int
    kept: int


@dataclass
class _Ledger:
    """Bytes saved for the backward pass, by storage, outside of the chosen modules and inside the current one."""

    weights: set[int]
    outside: dict[int, int] = field(default_factory=dict)
    inside: dict[int, int] | None = None
    largest: int = 0
    repeated: int = 0
    before: int = 0

    def save(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self.weights and storage._cdata not in self.outside:
            place = self.outside if self.inside is None else self.inside
            place[storage._cdata] = storage.nbytes()
        return tensor


def count_step(model: nn.Module, forward: Callable[[], Tensor], repeated: Sequence[str] = ()) -> Step:
    """Operations and bytes of ``forward``, which gives the loss, and of its backward pass.

    Args:
        model: its parameters are not counted among the bytes.
        forward: runs under fake tensors: nothing in it may depend on values.
        repeated: names of the classes whose modules run again in the backward pass. They are not nested.
    """
    ledger = _Ledger({parameter.untyped_storage()._cdata for parameter in model.parameters()})
    counter = FlopCounterMode(display=False)

    def enter(module: nn.Module, inputs: tuple, kwargs: dict) -> None:
        ledger.before, ledger.inside = counter.get_total_flops(), {}
        for tensor in (*inputs, *kwargs.values()):
            if isinstance(tensor, Tensor):
                ledger.outside[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()

    def leave(*_: Any) -> None:
        ledger.repeated += counter.get_total_flops() - ledger.before
        ledger.largest = max(ledger.largest, sum(ledger.inside.values()))
        ledger.inside = None

    hooks = []
    for module in model.modules():
        if type(module).__name__ in repeated:
            hooks.append(module.register_forward_pre_hook(enter, with_kwargs=True))
            hooks.append(module.register_forward_hook(leave))
    try:
        with counter, sdpa_kernel(SDPBackend.MATH):
            with torch.autograd.graph.saved_tensors_hooks(ledger.save, lambda tensor: tensor):
                loss = forward()
            loss.backward()
    finally:
        for hook in hooks:
            hook.remove()
    return Step(counter.get_total_flops(), ledger.repeated, sum(ledger.outside.values()) + ledger.largest)


def slan_step(cfg: Config, samples: int, global_samples: int, size: int, num_words: int) -> Step:
    """:func:`count_step` of SLAN's losses on ``samples`` pictures and texts.

    A picture is encoded once, a text twice (once masked), and each sample meets the locator as a positive, a masked and
    two negative pairs. ``global_samples`` are the texts of all GPUs, with which region-word scores compare.
    """
    # Momentum encoders have no backward pass; they are counted apart.
    model_cfg = without_momentum(offline_model(cfg))
    model_cfg.text.encoder.attn_implementation = 'eager'
    model_cfg.text.encoder.max_words = max(model_cfg.text.encoder.max_words, num_words + 2)
    repeated = _checkpointed(cfg)
    with FakeTensorMode():
        model = MODELS.build(model_cfg).train()

        def forward() -> Tensor:
            with torch.autocast('cpu', torch.bfloat16):
                image = model.encode_image(torch.zeros(samples, 3, size, size))
                text, masked = (model.encode_text([' '.join(['red'] * num_words)] * samples) for _ in range(2))
                losses = [image.embedding.sum() + image.saliency.sum()]
                for term in model.space_dims:
                    words = text.word_space[term].repeat(-(-global_samples // samples), 1, 1)[:global_samples]
                    mask = torch.ones(words.shape[:2], dtype=torch.bool)
                    losses.append(region_word_scores(image.region_space[term], words, mask).sum())
                index = torch.arange(samples).repeat(4)
                texts = type(text).cat([text, masked])
                text_index = torch.arange(2 * samples).repeat(2)
                located = model.locate(image.for_pairs()[index], texts[text_index])
                losses += [model.objective.itm_head(located).sum(), *(boxes.sum() for boxes in located.boxes)]
                words = located.words[:samples, : -(-15 * num_words // 100)]
                logits = model.objective.lm_head(words, model.text_branch.encoder.word_embeddings.weight)
                losses.append(logits.float().logsumexp(-1).sum())
                return sum(loss.float() for loss in losses)

        fast_path = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            return count_step(model, forward, repeated)
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)


def encoder_flops(cfg: Config, size: int, num_words: int) -> int:
    """Operations of embedding one picture, whose regions are found, and one text, without a backward pass: what
    momentum encoders add."""
    model_cfg = without_momentum(offline_model(cfg))
    model_cfg.text.encoder.attn_implementation = 'eager'
    with FakeTensorMode(), torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        model = MODELS.build(model_cfg).train()
        picture = torch.zeros(1, 3, size, size)
        image = model.encode_image(picture)
        with FlopCounterMode(display=False) as counter:
            model.image_branch.for_embedding()(picture, found=(image.boxes, image.saliency))
            model.encode_text([' '.join(['red'] * num_words)])
    return counter.get_total_flops()


def parameter_counts(cfg: Config) -> tuple[int, int, int]:
    """Trained parameters, those of momentum encoders, and word embeddings, of which every GPU holds all."""
    with torch.device('meta'):
        model = MODELS.build(offline_model(cfg))
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    total = sum(parameter.numel() for parameter in model.parameters())
    return trained, total - trained, model.text_branch.encoder.word_embeddings.weight.numel()


def plan(
    cfg: Config, gpus: int, link: float, once: tuple[int, tuple[int, int, int]], options: argparse.Namespace
) -> dict[str, str]:
    """The table's column of a run on so many GPUs, each of which receives ``link`` GB/s, by row.

    ``once`` is what their number does not change: :func:`encoder_flops` and :func:`parameter_counts`.

    Raises:
        ValueError: if the GPUs cannot share the config's batch evenly.
    """
    per_update = cfg.auto_scale_lr.base_batch_size * cfg.optim_wrapper.get('accumulative_counts', 1)
    if per_update % gpus:
        raise ValueError(f'{gpus} GPUs cannot share a batch of {per_update}')
    share = per_update // gpus
    wanted = options.micro_batch or cfg.train_dataloader.batch_size
    micro = max(size for size in range(1, min(share, wanted) + 1) if share % size == 0)
    accumulated = share // micro
    step = slan_step(cfg, micro, micro * gpus, options.size, options.words)
    of_encoders, (trained, averaged, words) = once

    sharded = 'strategy' in cfg
    parts = gpus if sharded else 1
    state = (WEIGHT + GRADIENT + ADAM) * trained + WEIGHT * averaged
    if sharded:
        replicated = (WEIGHT + GRADIENT + ADAM) * words + WEIGHT * words
        state = (state - replicated) / parts + replicated
        # Between the micro-batches of an update gradients wait whole, not in shards.
        state += GRADIENT * trained * (accumulated > 1)
    # FSDP gathers weights for the forward and for the backward pass and scatters gradients; DDP's all-reduction is a
    # scattering and a gathering of them.
    moved = (2 * WEIGHT + GRADIENT) * trained + WEIGHT * averaged if sharded else 2 * GRADIENT * trained
    moved *= (gpus - 1) / gpus

    flops = step.flops + step.repeated + of_encoders * micro
    iterations = -(-options.samples * options.epochs // (micro * gpus))
    seconds = flops / (options.peak * 1e12 * options.utilisation)
    checkpoint = (WEIGHT + ADAM) * trained + WEIGHT * averaged
    return {
        'micro-batch x accumulated': f'{micro} x {accumulated}',
        'TFLOPs of a sample': f'{flops / micro / 1e12:.2f}',
        'of these repeated': f'{step.repeated / micro / 1e12:.2f}',
        'weights, gradients, AdamW, averages (GiB)': f'{state / GIB:.1f}',
        'kept for the backward pass (GiB)': f'{step.kept / GIB:.1f}',
        'sum (GiB)': f'{(state + step.kept) / GIB:.1f}',
        'iterations': f'{iterations:,}',
        'seconds of an iteration': f'{seconds:.2f}',
        'received by a GPU in it (GB)': f'{moved / 1e9:.1f}',
        'seconds for that, links of (GB/s)': f'{moved / 1e9 / link:.2f}, {link:g}',
        'samples a second, at most': f'{micro * gpus / seconds:,.0f}',
        'days, communication overlapped': f'{iterations * max(seconds, moved / 1e9 / link) / 86400:.1f}',
        'days, communication not overlapped': f'{iterations * (seconds + moved / 1e9 / link) / 86400:.1f}',
        'a checkpoint (GB)': f'{checkpoint / 1e9:.1f}',
        'hours between checkpoints': f'{cfg.default_hooks.checkpoint.interval * seconds / 3600:.1f}',
    }


def _checkpointed(cfg: Config) -> Sequence[str]:
    chosen = cfg.get('strategy', {}).get('activation_checkpointing')
    return chosen['check_fn']['names'] if chosen else ()


@one_line_errors
def main() -> None:
    """Prints the table."""
    options = parse_options()
    columns = {}
    for path in options.configs:
        cfg = read_config(path, options.cfg_options)
        init_default_scope(cfg.get('default_scope', 'slan_mm'))
        once = encoder_flops(cfg, options.size, options.words), parameter_counts(cfg)
        for gpus, link in zip(options.gpus, options.links, strict=True):
            columns[f'{Path(path).stem}, {gpus} GPUs'] = plan(cfg, gpus, link, once, options)
    print(
        f'Computed, not measured: {options.samples:,} samples x {options.epochs} epochs on GPUs of {options.peak:g} '
        f'TFLOP/s, of which {100 * options.utilisation:g} % are assumed to be reached.\n'
    )
    print(table(columns))


if __name__ == '__main__':
    main()
