"""The runner: MMEngine's, with an exact and safe resume, and with CPUs as good as GPUs."""

from typing import Any

from mmengine.device import get_device
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner
from torch import nn

from slan_mm.engine.console import ShortConsole, mismatch_in_one_line
from slan_mm.engine.cpu_batch_norm import sync_batch_norms_on_cpu
from slan_mm.engine.gloo import join_cpu_ranks
from slan_mm.engine.resume.exact_resume import ExactResume
from slan_mm.registry import RUNNERS


@RUNNERS.register_module()
class ResumableRunner(ShortConsole, ExactResume, Runner):
    """MMEngine's runner that resumes exactly, see :class:`ExactResume`, and trains on several ranks without a GPU."""

    def setup_env(self, env_cfg: dict) -> None:
        """Sets up processes; without a GPU, ranks talk over gloo whatever ``dist_cfg`` says."""
        join_cpu_ranks(self.launcher)
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Wraps the model for several ranks; on CPUs without what PyTorch refuses there: device ids, SyncBatchNorm."""
        if self.distributed and get_device() == 'cpu' and model_wrapper_cfg is None:
            if self.cfg.get('sync_bn') is not None:
                model = sync_batch_norms_on_cpu(model)
            unused = self.cfg.get('find_unused_parameters', False)
            return MMDistributedDataParallel(
                module=model, device_ids=None, broadcast_buffers=False, find_unused_parameters=unused
            )
        return super().wrap_model(model_wrapper_cfg, model)

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """Loads weights; those of a resumed run and of a test must fit."""
        if self.must_fit:
            kwargs['strict'] = True
        with mismatch_in_one_line(self.logger):
            return super().load_checkpoint(filename, *args, **kwargs)
