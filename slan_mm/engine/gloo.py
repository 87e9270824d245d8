"""Several ranks without a GPU."""

import torch.distributed
from mmengine.device import get_device
from mmengine.dist import is_distributed


def join_cpu_ranks(launcher: str) -> None:
    """Lets ranks of a machine without a GPU talk over gloo, whatever the config's ``dist_cfg`` says.

    Nothing where there is a GPU, where the ranks have met already, or where there is one process.

    Raises:
        RuntimeError: if they were not started by PyTorch's launcher.
    """
    if launcher == 'none' or is_distributed() or get_device() != 'cpu':
        return
    if launcher != 'pytorch':
        raise RuntimeError(
            f'launcher {launcher!r} needs GPUs; on CPUs start the ranks with tools/dist_train.sh, '
            'whose launcher is pytorch'
        )
    torch.distributed.init_process_group(backend='gloo')
