"""Batch norm over ranks without a GPU, where PyTorch's ``SyncBatchNorm`` refuses to run."""

from mmengine.dist import get_world_size
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.functional import batch_norm

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class CPUSyncBatchNorm(nn.SyncBatchNorm):
    """``SyncBatchNorm`` by differentiable all-reductions of PyTorch, which gloo offers; for two axes and more.

    Training on CPU ranks with ``sync_bn`` uses it, and only there. Tests run on CPUs, so they test this class and never
    PyTorch's ``SyncBatchNorm``, which GPUs take: neither its CUDA kernels nor its reductions by NCCL.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """``inputs`` (B, C, ...), of all ranks the same B and C."""
        if not self.training and self.running_mean is not None:
            return batch_norm(inputs, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        axes = [0, *range(2, inputs.dim())]
        shape = (1, -1) + (1,) * (inputs.dim() - 2)
        count = inputs.numel() // inputs.shape[1] * get_world_size()
        mean = all_reduce(inputs.sum(axes)) / count
        centred = inputs - mean.view(shape)
        variance = all_reduce(centred.square().sum(axes)) / count
        if self.training and self.track_running_stats:
            self.num_batches_tracked += 1
            share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean.detach(), share)
            self.running_var.lerp_(variance.detach() * (count / (count - 1)), share)
        output = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            output = output * self.weight.view(shape) + self.bias.view(shape)
        return output


def sync_batch_norms_on_cpu(module: nn.Module) -> nn.Module:
    """Replaces every batch norm in ``module`` by one over all ranks, with the same parameters and buffers."""
    for name, child in list(module.named_children()):
        setattr(module, name, sync_batch_norms_on_cpu(child))
    if not isinstance(module, BATCH_NORMS):
        return module
    synced = CPUSyncBatchNorm(
        module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats
    )
    if module.affine:
        synced.weight, synced.bias = module.weight, module.bias
    synced.running_mean, synced.running_var = module.running_mean, module.running_var
    synced.num_batches_tracked = module.num_batches_tracked
    return synced.train(module.training)
