"""MMEngine's FSDP strategy, where it stands in the way of SLAN, of PyTorch 2.10, or of a CPU."""

import copy
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from mmengine._strategy import FSDPStrategy
from mmengine.device import get_device
from mmengine.dist import all_reduce, get_local_rank, is_main_process
from mmengine.model import BaseDataPreprocessor
from mmengine.optim import BaseOptimWrapper
from mmengine.optim import build_optim_wrapper as build_plain_optim_wrapper
from torch import Tensor, nn
from torch.distributed.fsdp import (
    FullOptimStateDictConfig,
    FullStateDictConfig,
    FullyShardedDataParallel,
    StateDictType,
)
from torch.utils.checkpoint import checkpoint

from slan_mm.engine.gloo import join_cpu_ranks
from slan_mm.registry import FUNCTIONS, MODEL_WRAPPERS, STRATEGIES


@STRATEGIES.register_module()
class ShardedStrategy(FSDPStrategy):
    """MMEngine's ``FSDPStrategy``, with these differences.

    - *Checkpoints* are those of an unsharded run, optimizer included: any number of ranks, sharded or not, resumes
      one. (MMEngine's cannot be resumed: it calls ``FSDP.optim_state_dict_to_load`` with the arguments of PyTorch
      2.0.)
    - *The optimizer* is configured from the unsharded model. MMEngine configures it from shards, which all have one
      axis, so that ``flat_decay_mult`` takes every parameter for a bias, and whose names ``custom_keys`` do not match.
    - *Gradients are clipped* by the norm of all shards. MMEngine clips each rank by that of its own.
    - *Some parameters are not sharded*: those without an axis, which FSDP refuses, and ``replicated`` ones, which are
      used outside of their unit. Their gradients are averaged as DDP does.
    - *Activation checkpointing* is ``torch.utils.checkpoint`` around the modules that ``check_fn`` chooses.
    - *Evaluation* runs on :meth:`whole_model`: ranks may have different numbers of batches, or none.
    - Several ranks train without a GPU (gloo); one process trains without FSDP.

    Args:
        replicated: regular expressions; parameters whose names they match from the start are not sharded.
        activation_checkpointing: ``dict(check_fn=dict(type=NAME, **arguments))``, a registered function from a module
            to bool; a name or a callable in place of the dict.
        kwargs: of ``FSDPStrategy``. ``state_dict_cfg`` is always 'full'.
    """

    def __init__(
        self, *, replicated: Sequence[str] = (), activation_checkpointing: dict | None = None, **kwargs: Any
    ) -> None:
        if kwargs.pop('state_dict_cfg', 'full') != 'full':
            raise ValueError("ShardedStrategy writes whole checkpoints: leave state_dict_cfg out, or set it to 'full'")
        # On a CPU PyTorch 2.10 would free the parameters that it "offloads", and crash.
        offload = get_device() != 'cpu'
        state_dict_cfg = dict(
            state_dict_type='FULL_STATE_DICT',
            state_dict_config=FullStateDictConfig(rank0_only=True, offload_to_cpu=offload),
            optim_state_dict_config=FullOptimStateDictConfig(rank0_only=True, offload_to_cpu=offload),
        )
        super().__init__(state_dict_cfg=state_dict_cfg, activation_checkpointing=activation_checkpointing, **kwargs)
        self.replicated = replicated
        self._resuming = False

    def _setup_distributed(self, launcher: str = 'pytorch', backend: str = 'nccl', **kwargs: Any) -> None:
        join_cpu_ranks(launcher)
        super()._setup_distributed(launcher, backend, **kwargs)

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        if self.activation_checkpointing is not None:
            checkpoint_activations(model, _as_function(self.activation_checkpointing['check_fn']))
        if not self.distributed:
            return model.to(get_device())
        for module in model.modules():
            if isinstance(module, BaseDataPreprocessor):
                module.to(get_device())
        self.skeleton = without_weights(model)
        replicated = [
            parameter
            for name, parameter in model.named_parameters()
            if parameter.dim() == 0 or any(re.match(pattern, name) for pattern in self.replicated)
        ]
        for parameter in replicated:
            parameter.data = parameter.data.to(get_device())
            if parameter.requires_grad:
                parameter.register_post_accumulate_grad_hook(_average_gradient)
        device = torch.device('cpu') if get_device() == 'cpu' else torch.device(get_device(), get_local_rank())
        wrapped = MODEL_WRAPPERS.build(
            self.model_wrapper or dict(type='MMFullyShardedDataParallel'),
            default_args=dict(module=model, device_id=device, ignored_states=replicated),
        )
        FullyShardedDataParallel.set_state_dict_type(
            wrapped, self.state_dict_type, self.state_dict_config, self.optim_state_dict_config
        )
        return wrapped

    def build_optim_wrapper(self, optim_wrapper: dict, model: nn.Module | None = None) -> BaseOptimWrapper:
        """The optimizer wrapper of a config; its parameter groups are those that the unsharded model would have."""
        if not self.distributed:
            return build_plain_optim_wrapper(model, optim_wrapper)
        if optim_wrapper.get('type') == 'AmpOptimWrapper':
            optim_wrapper = {'use_fsdp': True, **optim_wrapper}
        built = build_plain_optim_wrapper(self.skeleton, optim_wrapper)
        names = {id(parameter): name for name, parameter in self.skeleton.named_parameters()}
        shards = {name.replace('_fsdp_wrapped_module.', ''): shard for name, shard in model.named_parameters()}
        self.parameter_names = []
        for group in built.optimizer.param_groups:
            of_group = [names[id(parameter)] for parameter in group['params']]
            group['params'] = [shards[name] for name in of_group]
            self.parameter_names += of_group
        if built.clip_grad_kwargs and built.clip_func is not torch.nn.utils.clip_grad_value_:
            built.clip_func = partial(_clip_shards, model)
        return built

    def whole_model(self) -> nn.Module:
        """The model with all its weights, not wrapped; a copy, in this rank's memory, when it is sharded."""
        if not self.distributed:
            return self.model
        with FullyShardedDataParallel.state_dict_type(
            self.model, StateDictType.FULL_STATE_DICT, FullStateDictConfig(rank0_only=False)
        ):
            weights = self.model.state_dict()
        whole = copy.deepcopy(self.skeleton)
        whole.load_state_dict(weights, assign=True)
        return whole.to(get_device())

    def optim_state_dict(self) -> dict:
        """As the optimizer wrapper of an unsharded run gives it; complete on the first rank only."""
        if not self.distributed:
            return self.optim_wrapper.state_dict()
        by_name = FullyShardedDataParallel.optim_state_dict(self.model, self.optim_wrapper.optimizer)
        if not is_main_process():
            return by_name
        number = {name: index for index, name in enumerate(self.parameter_names)}
        # The shards' groups hold no more than settings and the order of parameters, which is known.
        state = self.optim_wrapper.state_dict()
        state['state'] = {number[name]: value for name, value in by_name['state'].items()}
        return state

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Takes what :meth:`optim_state_dict` gave, or an unsharded run's."""
        if self.distributed:
            groups, first = [], 0
            for group in state_dict['param_groups']:
                last = first + len(group['params'])
                groups.append({**group, 'params': self.parameter_names[first:last]})
                first = last
            by_name = {self.parameter_names[number]: value for number, value in state_dict['state'].items()}
            sharded = FullyShardedDataParallel.optim_state_dict_to_load(
                self.model, self.optim_wrapper.optimizer, dict(state=by_name, param_groups=groups)
            )
            state_dict = {**state_dict, **sharded}
        self.optim_wrapper.load_state_dict(state_dict)

    def resume(self, filename: str, **kwargs: Any) -> dict:
        """As MMEngine's; weights that do not fit the model are an error."""
        self._resuming = True
        try:
            return super().resume(filename, **kwargs)
        finally:
            self._resuming = False

    def load_model_state_dict(self, state_dict: dict, *, strict: bool = False, **kwargs: Any) -> None:
        """Loads weights of the whole model."""
        found = self.model.load_state_dict(state_dict, strict=strict or self._resuming)
        if found.missing_keys or found.unexpected_keys:
            self.logger.warning(f'weights that do not fit the model: {found}')


def checkpoint_activations(model: nn.Module, chosen: Callable[[nn.Module], bool]) -> None:
    """Lets the ``chosen`` modules keep their input only and run again in the backward pass."""
    for module in model.modules():
        if chosen(module):
            module.forward = partial(_run_again, module.forward)


def _run_again(forward: Callable, *args: Any, **kwargs: Any) -> Any:
    if torch.is_grad_enabled():
        return checkpoint(forward, *args, use_reentrant=False, **kwargs)
    return forward(*args, **kwargs)


def without_weights(model: nn.Module) -> nn.Module:
    """A copy of ``model`` whose parameters are on the meta device: names, shapes and buffers without memory."""
    empty = {
        id(parameter): nn.Parameter(torch.empty_like(parameter, device='meta'), parameter.requires_grad)
        for parameter in model.parameters()
    }
    return copy.deepcopy(model, memo=empty)


def _average_gradient(parameter: nn.Parameter) -> None:
    # What earlier backward passes have averaged is the same on all ranks and stays what it is.
    all_reduce(parameter.grad, op='mean')


def _clip_shards(
    model: FullyShardedDataParallel, parameters: Sequence[Tensor], max_norm: float, norm_type: float = 2.0
) -> Tensor:
    """What takes the place of ``torch.nn.utils.clip_grad_norm_`` in an optimizer wrapper."""
    return model.clip_grad_norm_(max_norm, norm_type)


def _as_function(config: Any) -> Callable:
    """A registered function: by name, by dict(type=name, **arguments), or itself."""
    if callable(config):
        return config
    arguments = dict(type=config) if isinstance(config, str) else dict(config)
    name = arguments.pop('type')
    function = FUNCTIONS.get(name)
    if function is None:
        raise ValueError(f'{name!r} is no registered function')
    return partial(function, **arguments)
